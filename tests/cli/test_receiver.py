"""`tidegate receiver` as a process: it serves beside no operator, and ends with 0 when told to, with 1 and a reason."""

import signal
import socket

from cli.commands import finish, served, start, tidegate
from cli.test_operator import SETTINGS

PORTS = {**SETTINGS, "TIDEGATE_HOOKS_PORT": "0", "TIDEGATE_LOG_FORMAT": "text"}


def test_sigterm_ends_it_cleanly(tmp_path):
    with served(tmp_path) as (_, kubeconfig):
        process = start("receiver", TIDEGATE_KUBECONFIG=str(kubeconfig), **PORTS)
        for line in process.stderr:
            if "ready" in line:
                break
        process.send_signal(signal.SIGTERM)
        code, stdout, stderr = finish(process)
    assert (code, stdout) == (0, ""), stderr
    assert "stopped" in stderr
    assert "Traceback" not in stderr


def test_a_port_that_is_taken_is_told(tmp_path):
    with served(tmp_path) as (_, kubeconfig), socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        where = {"TIDEGATE_HOOKS_HOST": "127.0.0.1", "TIDEGATE_HOOKS_PORT": port}
        code, _, stderr = tidegate("receiver", TIDEGATE_KUBECONFIG=str(kubeconfig), **PORTS | where)
    assert code == 1
    assert f"TIDEGATE_HOOKS_PORT={port} cannot be used" in stderr
    assert "Traceback" not in stderr
