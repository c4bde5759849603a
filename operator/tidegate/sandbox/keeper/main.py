"""The keeper: a small process beside the sandbox that starts all containers, and ends them all when it is gone.

It exists because a fork of the sandbox itself would be slow and unsafe (threads, a big heap), and because the
kernel tells a parent's death to its children only: the keeper notices the end of its orders on stdin, however
the sandbox died. It knows nothing of pods, and imports nothing but the standard library.
"""

import gc
import json
import os
import select
import signal
from typing import NoReturn

from tidegate.sandbox.keeper import family, linux, shim
from tidegate.sandbox.keeper.orders import read_order, report
from tidegate.sandbox.keeper.probe import isolation

_CHUNK = 1 << 20


class Keeper:
    """Which shim cares for which container."""

    def __init__(self) -> None:
        self.shims: dict[str, int] = {}
        self._unread = b""

    def read_orders(self) -> bool:
        """Carry out what has come in; False at the end of all orders."""
        chunk = os.read(0, _CHUNK)
        *lines, self._unread = (self._unread + chunk).split(b"\n")
        for line in lines:
            self._carry_out(json.loads(line))
        return bool(chunk)

    def reap(self) -> None:
        """Bury shims. One that was killed has told nothing and left processes to us: end those, tell for it."""
        names = {pid: name for name, pid in self.shims.items()}
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            name = names.get(pid)
            if name is not None:
                del self.shims[name]
                if status:
                    self._end_strays()
                    report(id=name, ended=137)

    def end(self) -> NoReturn:
        """End everything, then ourselves."""
        for pid in self.shims.values():
            os.kill(pid, shim.KILL)
        for pid in self.shims.values():
            os.waitpid(pid, 0)
        family.end_all()
        os._exit(0)

    def _carry_out(self, order: dict[str, object]) -> None:
        match order:
            case {"run": dict(fields)}:
                self._run(fields)
            case {"end": str(name)} if name in self.shims:
                os.kill(self.shims[name], shim.END)
            case {"kill": str(name)} if name in self.shims:
                os.kill(self.shims[name], shim.KILL)

    def _run(self, fields: dict[str, object]) -> None:
        order, me = read_order(fields), os.getpid()
        signal.pthread_sigmask(signal.SIG_BLOCK, shim.WATCHED)
        pid = os.fork()
        if pid == 0:
            shim.run(order, me)
        self.shims[order.id] = pid
        signal.pthread_sigmask(signal.SIG_UNBLOCK, shim.WATCHED)

    def _end_strays(self) -> None:
        quiet = 0
        while quiet < 2:  # the kernel's list may skip somebody while another one exits
            strays = [pid for pid in family.children() if pid not in self.shims.values()]
            ended = [family.end(pid) for pid in strays]  # whose children become ours, for the next round
            quiet = 0 if any(ended) else quiet + 1


def main() -> NoReturn:
    """Serve until stdin ends."""
    linux.adopt_orphans()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signals = shim.hear_signals()
    keeper = Keeper()
    gc.collect()
    gc.freeze()
    report(ready=isolation())
    poll = select.poll()
    poll.register(0, select.POLLIN)
    poll.register(signals, select.POLLIN)
    while True:
        ready = {descriptor for descriptor, _ in poll.poll()}
        if signals in ready:
            if shim.END in os.read(signals, _CHUNK):
                keeper.end()
            keeper.reap()
        if 0 in ready and not keeper.read_orders():
            keeper.end()
