"""`tidegate operator` as a process: it ends with 0 when told to, with 1 and a reason when it cannot work."""

import json
import signal

from cli.commands import finish, served, start, tidegate

SETTINGS = {"TIDEGATE_PROBE_PORT": "0", "TIDEGATE_PROBE_HOST": "127.0.0.1"}

NOWHERE = """
apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: "http://127.0.0.1:9"}}]
users: [{name: u, user: {token: t}}]
contexts: [{name: x, context: {cluster: c, user: u}}]
current-context: x
"""


def test_sigterm_ends_it_cleanly(tmp_path):
    with served(tmp_path) as (_, kubeconfig):
        process = start("operator", TIDEGATE_KUBECONFIG=str(kubeconfig), TIDEGATE_LOG_FORMAT="text", **SETTINGS)
        for line in process.stderr:  # up to a point at which kopf has put its own signal handlers in place
            if "Initial authentication has finished" in line:
                break
        process.send_signal(signal.SIGTERM)
        code, stdout, stderr = finish(process)
    assert (code, stdout) == (0, ""), stderr
    assert "stopped" in stderr
    assert "Traceback" not in stderr


def test_it_says_why_it_cannot_work(tmp_path):
    path = tmp_path / "kubeconfig"
    path.write_text(NOWHERE)
    code, stdout, stderr = tidegate("operator", TIDEGATE_KUBECONFIG=str(path), **SETTINGS)
    assert (code, stdout) == (1, "")
    last = json.loads(stderr.splitlines()[-1])
    assert last["level"] == "CRITICAL"
    assert "the operator cannot go on" in last["message"]
    assert "127.0.0.1:9" in last["message"] or "127.0.0.1', 9" in last["message"]
