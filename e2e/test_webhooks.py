"""Webhooks on a real API server: the receiver as the chart installs it, real signatures, and rights that are granted.

And the requests of docs/webhooks.md, as they are printed there, against `tidegate dev`.
"""

import base64
import contextlib
import hashlib
import hmac
import json
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from e2e.operator_install import PUBLISHED_IMAGE, ROOT, SYSTEM, get, install, outcome, wait_end, wait_until

from tidegate.codegen import CHART

Run = Callable[..., str]

pytestmark = pytest.mark.timeout(300)

KEY = b"a key of thirty-two bytes, no one"
SAMPLE = ROOT / "manifests/samples/on-webhook.yaml"
ORDER = {"type": "order.paid", "order": "A-17", "items": ["tea", "cup"]}


@pytest.fixture(scope="session", autouse=True)
def operator(kubectl: Run, operator_image: str) -> None:
    install(kubectl, operator_image)


@pytest.fixture(scope="session")
def receiver(request: pytest.FixtureRequest, kubectl: Run, kubeconfig: Path, operator_image: str) -> Iterator[str]:
    """The receiver of the chart beside the operator of install.yaml, forwarded to this machine; gives its address."""
    helm = shutil.which("helm") or _helm()
    parts = [part for name in ("receiver", "receiver-role") for part in ("--show-only", f"templates/{name}.yaml")]
    options = ["--namespace", SYSTEM, "--set", "receiver.enabled=true", *parts]
    rendered = _output(helm, "template", "tidegate", CHART, *options).replace(PUBLISHED_IMAGE, operator_image)
    kubectl("apply", "-f", "-", input=rendered)
    kubectl("-n", SYSTEM, "rollout", "status", "deployment/tidegate-receiver", "--timeout=90s")
    with forwarded(request.config.option.kind_kubectl_bin, kubeconfig) as address:
        yield address
    kubectl("delete", "--wait=false", "-f", "-", input=rendered)


@contextlib.contextmanager
def forwarded(kubectl: str, kubeconfig: Path) -> Iterator[str]:
    command = [
        kubectl,
        "--kubeconfig",
        str(kubeconfig),
        "-n",
        SYSTEM,
        "port-forward",
        "service/tidegate-receiver",
        ":80",
    ]
    with printing(command, "Forwarding from 127.0.0.1") as (lines, _):
        (port,) = re.findall(r"127\.0\.0\.1:(\d+)", lines)
        yield f"http://127.0.0.1:{port}"


@contextlib.contextmanager
def printing(command: list[str], last: str, **more: Any) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Run a program for the time of the block; gives what it prints, up to the line that begins with `last`."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, **more) as process:
        try:
            assert process.stdout is not None
            lines = [process.stdout.readline()]
            while lines[-1] and not lines[-1].startswith(last):
                lines.append(process.stdout.readline())
            yield "".join(lines), process
        finally:
            process.terminate()


def send(
    url: str, event: Any, *, identity: str = "msg_1", key: bytes = KEY, age: int = 0
) -> tuple[int, dict[str, Any]]:
    """Send a signed event; give status and answer."""
    body, second = json.dumps(event).encode(), int(time.time()) - age
    digest = hmac.new(key, f"{identity}.{second}.".encode() + body, hashlib.sha256).digest()
    headers = {
        "Content-Type": "application/json",
        "webhook-id": identity,
        "webhook-timestamp": str(second),
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }
    request = urllib.request.Request(url, body, headers)  # noqa: S310 - http on loopback
    try:
        with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310 - likewise
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def test_a_signed_event_starts_one_run_and_only_with_what_the_namespace_grants(
    kubectl: Run, namespace: str, receiver: str
):
    role, binding, flow = yaml.safe_load_all(SAMPLE.read_text())
    url = f"{receiver}/hooks/{namespace}/on-webhook/orders"
    kubectl("-n", namespace, "apply", "-f", "-", input=json.dumps(flow))
    wait_until("the receiver knows the Flow", lambda: send(url, ORDER)[0] != 404)
    status, answer = send(url, ORDER)
    assert (status, "its namespace must grant that" in answer["error"]) == (500, True)
    secret = f"whsec_{base64.b64encode(KEY).decode()}"
    kubectl("-n", namespace, "create", "secret", "generic", "shop-webhook", f"--from-literal=key={secret}")
    for granted in (role, binding):
        kubectl("-n", namespace, "apply", "-f", "-", input=json.dumps(granted))
    wait_until("the Secret may be read", lambda: send(url, ORDER, key=b"another")[0] == 401)

    assert send(url, ORDER, age=301)[0] == 401
    assert send(url, {**ORDER, "type": "order.lost"}, identity="msg_2") == (200, {"filtered": True})
    status, answer = send(url, ORDER)
    assert status == 202
    assert send(url, ORDER) == (200, answer)
    run = wait_end(kubectl, namespace, answer["run"])
    assert outcome(run) == ("Succeeded", "Completed")
    assert run["spec"]["params"] == {"order": "A-17", "items": 2}
    assert run["spec"]["trigger"]["id"] == "msg_1"
    assert get(kubectl, namespace, "flow", "on-webhook")["status"]["triggers"] == [{"name": "orders"}]


def test_events_are_taken_while_the_operator_is_away(kubectl: Run, namespace: str, receiver: str):
    *granted, flow = yaml.safe_load_all(SAMPLE.read_text())
    flow["spec"]["tasks"] = [{"name": "note", "set": {"order": "$[[ params.order ]]"}}]
    flow["spec"]["triggers"][0]["webhook"]["maxPending"] = 3
    for obj in (*granted, flow):
        kubectl("-n", namespace, "apply", "-f", "-", input=json.dumps(obj))
    secret = f"whsec_{base64.b64encode(KEY).decode()}"
    kubectl("-n", namespace, "create", "secret", "generic", "shop-webhook", f"--from-literal=key={secret}")
    url = f"{receiver}/hooks/{namespace}/on-webhook/orders"
    wait_until("the receiver knows the Flow", lambda: send(url, {**ORDER, "type": "x"})[0] == 200)
    kubectl("-n", SYSTEM, "scale", "deployment/tidegate", "--replicas=0")
    kubectl("-n", SYSTEM, "wait", "pod", "-l", "app.kubernetes.io/component=operator", "--for=delete", "--timeout=60s")
    try:
        runs = [send(url, ORDER, identity=f"msg_{number}") for number in range(3)]
        assert [status for status, _ in runs] == [202] * 3
        assert send(url, ORDER, identity="msg_3")[0] == 429
    finally:
        kubectl("-n", SYSTEM, "scale", "deployment/tidegate", "--replicas=1")
    for _, answer in runs:
        assert outcome(wait_end(kubectl, namespace, answer["run"])) == ("Succeeded", "Completed")
    assert send(url, ORDER, identity="msg_3")[0] == 202


@pytest.fixture
def printed(tmp_path: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """`tidegate dev` with the sample: the port for events, and an environment in which kubectl finds it."""
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "tidegate", "dev", str(SAMPLE)]
    with printing(command, "  tidegate logs", cwd=tmp_path, env=environment) as (lines, _):
        (port,) = re.findall(r"127\.0\.0\.1:(\d+)/hooks", lines)
        yield port, {**environment, "KUBECONFIG": str(tmp_path / ".tidegate/kubeconfig")}


def test_the_requests_of_the_page_work_as_they_are_printed(printed: tuple[str, dict[str, str]]):
    port, environment = printed
    standard, github, bearer = re.findall(r"```sh\n(.*?)```", (ROOT / "docs/webhooks.md").read_text(), re.DOTALL)
    verify = '[{"op": "replace", "path": "/spec/triggers/0/webhook/verify", "value": "%s"}]'
    turn = "kubectl patch flow on-webhook --type json -p '" + verify + "' && sleep 1\n"
    anew = "ID=msg_again_%s\n"
    script = standard + turn % "GitHub" + anew % 1 + github + turn % "Bearer" + anew % 2 + bearer
    # With the last two the key is the Secret's text as it is.
    script = script.replace(turn % "GitHub", turn % "GitHub" + 'SECRET="whsec_$SECRET"\n')
    done = subprocess.run(
        ["sh", "-e"], input=script.replace("PORT", port), env=environment, capture_output=True, text=True, check=False
    )
    assert re.findall(r"^HTTP/1.1 (\d+)", done.stdout, re.MULTILINE) == ["202"] * 3, done


def _helm() -> str:
    return _output(sys.executable, "-m", "e2e.cluster", "helm").strip()


def _output(*command: str) -> str:
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
