"""A process in which the operator is imported once, and that forks a fresh operator whenever a line asks for one.

So an operator is there again in hundredths of a second after it was killed, which is what lets every write of a run be
a place to die. What is forked has run no line of the operator yet: it starts as `tidegate operator` does.

Each line of stdin is `{"env": {...}, "log": PATH}`, and is answered by a pid. When stdin ends, all operators die.
"""

import ctypes
import importlib
import json
import os
import signal
import sys
from typing import Any, NoReturn

_PR_SET_PDEATHSIG = 1


def main(plants: list[str]) -> None:
    """Serve until stdin ends; `plants` are modules that sabotage the operator when they are imported."""
    importlib.import_module("tidegate.cli.operator")
    entry = importlib.import_module("tidegate.cli.main").main
    for plant in plants:
        importlib.import_module(plant)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while line := sys.stdin.readline():
        order = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _become_operator(entry, order)
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()


def _become_operator(entry: Any, order: dict[str, Any]) -> NoReturn:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDONLY)
    log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    for source, target in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(source, target)
    os.environ.update(order["env"])
    sys.argv = ["tidegate", "operator"]
    try:
        entry()
    finally:
        sys.stdout.flush()
        os._exit(1)


if __name__ == "__main__":
    main(sys.argv[1:])
