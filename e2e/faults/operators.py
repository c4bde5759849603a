"""Operator processes: started, killed, held still; and started again when they end, as a kubelet would."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_MOMENT = 1.5
"""What a process that was frozen has in mind to do, it does within this."""


class Nursery:
    """Where operators come from; see `nursery.py`."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._lock = asyncio.Lock()

    async def start(self, env: Mapping[str, str], log: Path) -> "Operator":
        """Start an operator with more environment; one that nobody waits for any more is ended."""
        starting = asyncio.create_task(self._start(json.dumps({"env": dict(env), "log": str(log)})))
        try:
            return await asyncio.shield(starting)
        except asyncio.CancelledError:
            # Its pid must be read all the same: the next who starts one would take it for his.
            (await starting).close()
            raise

    async def _start(self, order: str) -> "Operator":
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        async with self._lock:
            stdin.write(order.encode() + b"\n")
            await stdin.drain()
            pid = int(await stdout.readline())
        return Operator(pid, os.pidfd_open(pid))


@contextlib.asynccontextmanager
async def nursery(plants: Sequence[str] = ()) -> AsyncIterator[Nursery]:
    """Open one; all its operators die with it. `plants`: see nursery.main."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "e2e.faults.nursery", *plants),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield Nursery(process)
    finally:
        process.kill()
        await process.wait()


@dataclass
class Operator:
    """One process, held by a descriptor, so that its pid can never be another's."""

    pid: int
    _pidfd: int

    def send(self, number: signal.Signals) -> None:
        """Send a signal; one that has ended gets none."""
        if self._pidfd >= 0:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, number)

    async def wait(self) -> None:
        """Wait for its end."""
        ended = asyncio.Event()
        loop = asyncio.get_running_loop()
        loop.add_reader(self._pidfd, ended.set)
        try:
            await ended.wait()
        finally:
            loop.remove_reader(self._pidfd)

    def close(self) -> None:
        """Kill it and let go of it."""
        self.send(signal.SIGKILL)
        os.close(self._pidfd)
        self._pidfd = -1


class Supervised:
    """An operator that is there again whenever it has ended."""

    def __init__(self, home: Nursery, env: Mapping[str, str], log: Path) -> None:
        self._home, self._env, self._log = home, env, log
        self._current: Operator | None = None
        self._thawed = asyncio.Event()
        self._thawed.set()
        self.starts = 0

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the one that lives now."""
        if self._current is not None:
            self._current.send(number)

    def kill(self) -> None:
        """End the one that lives now, at once."""
        self.send(signal.SIGKILL)

    def freeze(self, seconds: float) -> None:
        """Hold the one that lives now still for a while, as a machine that sleeps would."""
        self._thawed.clear()
        self.send(signal.SIGSTOP)
        asyncio.get_running_loop().call_later(seconds, self._thaw)

    def _thaw(self) -> None:
        self.send(signal.SIGCONT)
        self._thawed.set()

    async def awake(self) -> None:
        """Wait until it has been awake for a moment."""
        if not self._thawed.is_set():
            await self._thawed.wait()
            await asyncio.sleep(_MOMENT)

    async def run(self) -> None:
        """Keep one alive until cancelled."""
        while True:
            self._current = await self._home.start(self._env, self._log)
            self.starts += 1
            try:
                await self._current.wait()
            finally:
                self._current.close()
                self._current = None


def environment(kubeconfig: Path, *namespaces: str, **settings: str) -> dict[str, str]:
    """Give an operator's environment: without a Lease, for some namespaces; settings are those of `tidegate`."""
    usual = {
        "KUBECONFIG": str(kubeconfig),
        "NAMESPACES": ",".join(namespaces),
        "LEADER_ELECTION": "false",
        "PROBE_HOST": "127.0.0.1",
        "PROBE_PORT": "0",
        "LOG_FORMAT": "text",
    }
    return {f"TIDEGATE_{name.upper()}": value for name, value in (usual | settings).items()}
