#!/usr/bin/env python3
"""Pin the versions of the cluster: `pin.py KUBERNETES CONTAINERD RUNC COREDNS`, each like v1.2.3.

Writes go.mod and go.sum of the three modules beside it; needs the Go module proxy. Look at the diff, then commit it.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def main() -> None:
    """Pin each module in turn."""
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    kubernetes, containerd, runc, coredns = sys.argv[1:]
    _pin(
        "containerd",
        {"github.com/containerd/containerd/v2": containerd, "github.com/opencontainers/runc": runc},
    )
    _pin("coredns", {"github.com/coredns/coredns": coredns})
    _pin_kubernetes(kubernetes)


def _pin_kubernetes(version: str) -> None:
    """Kubernetes, and etcd as its release asks for it.

    k8s.io/kubernetes requires its own parts (k8s.io/api, ...) as v0.0.0 and replaces them by folders of its tree, which
    holds for its own build only. So each part is replaced here by the version published with the release.
    """
    download = subprocess.check_output(["go", "mod", "download", "-json", f"k8s.io/kubernetes@{version}"])
    released = Path(json.loads(download)["GoMod"]).read_text()
    parts = re.findall(r"^\s+(k8s\.io/[\w-]+) => \./staging", released, re.MULTILINE)
    etcd = re.search(r"go\.etcd\.io/etcd/server/v3 (\S+)", released)
    go_debug = re.search(r"^godebug .*$", released, re.MULTILINE)
    if not parts or not etcd:
        sys.exit(f"go.mod of k8s.io/kubernetes {version} has another shape than this script knows")
    _pin(
        "kube",
        {"k8s.io/kubernetes": version, "go.etcd.io/etcd/server/v3": etcd[1]},
        replaced={part: "v0." + version.split(".", 1)[1] for part in parts},
        go_debug=go_debug[0] if go_debug else "",
    )


def _pin(module: str, required: dict[str, str], *, replaced: dict[str, str] | None = None, go_debug: str = "") -> None:
    lines = [f"module tidegate.dev/e2e/{module}", "", "go 1.26.0", "", go_debug, "", "require ("]
    lines += [f"\t{path} {version}" for path, version in required.items()]
    lines += [
        ")",
        "",
        "replace (",
        *(f"\t{path} => {path} {version}" for path, version in (replaced or {}).items()),
        ")",
    ]
    (HERE / module / "go.mod").write_text("\n".join(lines) + "\n")
    (HERE / module / "go.sum").unlink(missing_ok=True)
    subprocess.run(["go", "mod", "tidy"], cwd=HERE / module, check=True)


if __name__ == "__main__":
    main()
