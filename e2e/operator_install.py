"""The operator as a user installs it: manifests/install.yaml, with the image that was built from this checkout."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parent.parent
SYSTEM = "tidegate-system"
PUBLISHED_IMAGE = "tidegate/operator:0.1.0"

Run = Callable[..., str]


def install(kubectl: Run, image: str) -> None:
    """Apply install.yaml and wait until the operator is ready."""
    text = (ROOT / "manifests/install.yaml").read_text()
    assert PUBLISHED_IMAGE in text
    kubectl("apply", "-f", "-", input=text.replace(PUBLISHED_IMAGE, image))
    wait_ready(kubectl)


def wait_ready(kubectl: Run) -> None:
    """Wait until the Deployment is available; on failure tell what its pods say."""
    kubectl("-n", SYSTEM, "rollout", "status", "deployment/tidegate", "--timeout=90s")


def start(kubectl: Run, namespace: str, flow: str, **params: Any) -> str:
    """Create a FlowRun; give its name."""
    run = {
        "apiVersion": "tidegate.dev/v1alpha1",
        "kind": "FlowRun",
        "metadata": {"generateName": f"{flow}-", "namespace": namespace},
        "spec": {"flowRef": {"name": flow}, "params": params},
    }
    return kubectl("create", "-f", "-", "-o", "jsonpath={.metadata.name}", input=json.dumps(run)).strip()


def approval(kubectl: Run, namespace: str, run: str, task: str, /, **spec: Any) -> dict[str, Any]:
    """Give a FlowApproval in the name of whoever kubectl speaks for; `spec` has what differs."""
    who = json.loads(kubectl("auth", "whoami", "-o", "json"))["status"]["userInfo"]["username"]
    uid = get(kubectl, namespace, "flowrun", run)["metadata"]["uid"]
    return {
        "apiVersion": "tidegate.dev/v1alpha1",
        "kind": "FlowApproval",
        "metadata": {"generateName": f"{run}-", "namespace": namespace},
        "spec": {"run": run, "runUID": uid, "task": task, "decision": "Approved", "by": who, **spec},
    }


def get(kubectl: Run, namespace: str, kind: str, name: str) -> dict[str, Any]:
    """Read one object."""
    return dict(json.loads(kubectl("-n", namespace, "get", kind, name, "-o", "json")))


def wait_until(what: str, look: Callable[[], Any], seconds: float = 90) -> Any:
    """Look until something is there; give it. Fails with what was waited for."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = look()
        if found:
            return found
        time.sleep(0.2)
    raise AssertionError(f"not after {seconds:.0f} s: {what}")


def wait_end(kubectl: Run, namespace: str, run: str, seconds: float = 90) -> dict[str, Any]:
    """Wait for a run's end; give the FlowRun."""

    def ended() -> dict[str, Any] | None:
        obj = get(kubectl, namespace, "flowrun", run)
        return obj if "completionTime" in (obj.get("status") or {}) else None

    return dict(wait_until(f"the end of {run}", ended, seconds))


def outcome(run: dict[str, Any]) -> tuple[str, str]:
    """Give how a run ended: Succeeded, Failed or Cancelled, and the reason."""
    condition = next(c for c in run["status"]["conditions"] if c["type"] == "Succeeded")
    if condition["reason"] == "Cancelled":
        return "Cancelled", "Cancelled"
    return ("Succeeded" if condition["status"] == "True" else "Failed"), condition["reason"]


def sample_flows() -> list[tuple[Path, dict[str, Any]]]:
    """Give every sample that says how it ends, with its Flow."""
    found = []
    for path in sorted((ROOT / "manifests/samples").rglob("*.yaml")):
        for document in yaml.safe_load_all(path.read_text()):
            notes = (document or {}).get("metadata", {}).get("annotations") or {}
            if (document or {}).get("kind") == "Flow" and "tidegate.dev/sample-ends" in notes:
                found.append((path, document))
    return found
