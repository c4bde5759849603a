"""The cluster itself: what the other tests take for granted, and that nothing of it stays."""

import copy
import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from e2e.cluster.cache import remove

PINS = Path(__file__).resolve().parent / "cluster" / "go"

Run = Callable[..., str]

RESTRICTED = {
    "securityContext": {
        "runAsNonRoot": True,
        "runAsUser": 65532,
        "seccompProfile": {"type": "RuntimeDefault"},
    },
}
RESTRICTED_CONTAINER = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "readOnlyRootFilesystem": True,
}
WEB_SERVER = "import http.server as s; s.test(s.SimpleHTTPRequestHandler, s.ThreadingHTTPServer, port=8080)"


def _python_pod(program: str, image: str = "python:3-slim") -> dict[str, Any]:
    container = {
        "name": "main",
        "image": image,
        "command": ["python3", "-c", program],
        "securityContext": RESTRICTED_CONTAINER,
    }
    return {
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": 0,
        "containers": [container],
        **copy.deepcopy(RESTRICTED),
    }


def _run_job(kubectl: Run, namespace: str, pod: dict[str, Any]) -> str:
    """Run a pod as a Job to its end; returns what it printed."""
    job = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "job", "namespace": namespace},
        "spec": {"backoffLimit": 0, "template": {"spec": pod}},
    }
    kubectl("create", "-f", "-", input=json.dumps(job))
    kubectl("wait", "-n", namespace, "job/job", "--for=condition=Complete", "--timeout=60s")
    return kubectl("logs", "-n", namespace, "job/job")


def test_the_node_is_ready(kubectl: Run):
    assert kubectl("wait", "node", "--all", "--for=condition=Ready", "--timeout=60s")


def test_the_server_has_the_pinned_version(kubectl: Run, own_cluster: Run):
    server = json.loads(kubectl("version", "-o", "json"))["serverVersion"]["gitVersion"]
    assert f"k8s.io/kubernetes {server}\n" in (PINS / "kube" / "go.mod").read_text()
    assert own_cluster("versions").startswith(f"kubernetes {server},")


def test_a_job_with_python_runs_to_its_end_under_the_restricted_standard(kubectl: Run, namespace: str):
    pod = _python_pod("import os, ssl, sqlite3; print(os.getuid(), sum(range(10)))")
    assert _run_job(kubectl, namespace, pod) == "65532 45\n"


def test_the_image_of_the_operator_has_the_project_and_a_user_that_is_not_root(
    kubectl: Run, namespace: str, operator_image: str
):
    pod = _python_pod("import os, kopf, tidegate; print(os.getuid(), os.getgid())", operator_image)
    del pod["securityContext"]["runAsUser"]
    assert _run_job(kubectl, namespace, pod) == "65532 65532\n"


def test_a_pod_that_is_not_restricted_is_refused_there(kubectl: Run, namespace: str):
    with pytest.raises(subprocess.CalledProcessError) as refusal:
        kubectl("run", "-n", namespace, "careless", "--image=busybox:1.36", "--", "true")
    assert 'violates PodSecurity "restricted' in refusal.value.stderr


def test_a_pod_reaches_a_service_by_its_name_and_the_api_server_by_its_service_ip(kubectl: Run, namespace: str):
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "web", "labels": {"app": "web"}},
        "spec": _python_pod(WEB_SERVER),
    }
    kubectl("create", "-n", namespace, "-f", "-", input=json.dumps(pod))
    kubectl("expose", "-n", namespace, "pod/web", "--port=80", "--target-port=8080")
    kubectl("wait", "-n", namespace, "pod/web", "--for=condition=Ready", "--timeout=60s")
    program = f"""
import os, socket, time, urllib.request
def answer(tries):
    try:
        return urllib.request.urlopen("http://web.{namespace}.svc.cluster.local", timeout=2).status
    except OSError:  # the server, or its endpoint, is not there yet
        if not tries: raise
        time.sleep(0.2)
        return answer(tries - 1)
print(answer(50))
address = (os.environ["KUBERNETES_SERVICE_HOST"], int(os.environ["KUBERNETES_SERVICE_PORT"]))
print(socket.gethostbyname("kubernetes.default") == address[0])
socket.create_connection(address, timeout=5).close()
"""
    assert _run_job(kubectl, namespace, _python_pod(program)) == "200\nTrue\n"


@pytest.fixture
def second(own_cluster: Run) -> Iterator[Path]:
    """A second cluster beside the first; its kubeconfig."""
    own_cluster("up", "--name", "second")
    yield Path(own_cluster("env", "--name", "second").removeprefix("export KUBECONFIG="))
    own_cluster("down", "--name", "second")


def _traces(folder: Path, index: int) -> list[str]:
    """What a cluster has on this machine: its folder, network namespace, cable, cgroups, mounts, processes."""
    paths = [folder, Path("/run/netns", f"tidegate-{folder.name}"), Path("/sys/class/net", f"tidegate{index}")]
    paths += Path("/sys/fs/cgroup").glob(f"**/tidegate-{folder.name}")
    mounts = [line for line in Path("/proc/mounts").read_text().splitlines() if f"{folder}/" in line]
    return [*(str(path) for path in paths if path.exists()), *mounts, *_processes(f"{folder}/")]


def _processes(word: str) -> list[str]:
    """Command lines with that word; those of containerd's shims name the cluster's socket."""
    shown = subprocess.run(["ps", "-wweo", "pid=,args="], capture_output=True, text=True, check=True).stdout
    return [line for line in shown.splitlines() if word in line]


def _namespace_uid(kubectl: Run, kubeconfig: Path) -> str:
    return kubectl("--kubeconfig", str(kubeconfig), "get", "ns", "kube-system", "-o", "jsonpath={.metadata.uid}")


def test_up_leaves_a_running_cluster_as_it_is_and_beside_it_the_first(kubectl: Run, second: Path, own_cluster: Run):
    uid = _namespace_uid(kubectl, second)
    own_cluster("up", "--name", "second")
    assert _namespace_uid(kubectl, second) == uid
    assert kubectl("get", "ns", "kube-system", "-o", "jsonpath={.metadata.uid}") != uid


def test_nothing_is_left_after_down(kubectl: Run, second: Path, own_cluster: Run):
    kubectl("--kubeconfig", str(second), "run", "sleeper", "--image=busybox:1.36", "--", "sleep", "3600.25")
    kubectl("--kubeconfig", str(second), "wait", "pod/sleeper", "--for=condition=Ready", "--timeout=60s")
    index = json.loads((second.parent / "cluster.json").read_text())["index"]
    assert len(_traces(second.parent, index)) > len(("folder", "namespace", "cable", "processes"))
    assert _processes("sleep 3600.25")
    with ThreadPoolExecutor() as two_at_once:
        list(two_at_once.map(own_cluster, ["down"] * 2, ["--name"] * 2, ["second"] * 2))
    assert _traces(second.parent, index) == []
    assert _processes("sleep 3600.25") == []


def test_a_folder_can_be_deleted_while_others_delete_it(tmp_path: Path):
    folder = tmp_path / "folder"
    for number in range(900):
        (folder / f"{number % 30}").mkdir(parents=True, exist_ok=True)
        (folder / f"{number % 30}" / f"{number}").touch()
    with ThreadPoolExecutor(3) as three_at_once:
        list(three_at_once.map(remove, [folder] * 3))
    assert not folder.exists()


def test_a_cluster_whose_first_process_was_killed_can_be_started_again(second: Path, own_cluster: Run, kubectl: Run):
    (supervisor, *_) = _processes(f"supervisor.py {second.parent}")
    os.kill(int(supervisor.split()[0]), signal.SIGKILL)
    own_cluster("up", "--name", "second")
    assert kubectl("--kubeconfig", str(second), "wait", "node", "--all", "--for=condition=Ready", "--timeout=60s")
