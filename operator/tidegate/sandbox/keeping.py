"""The sandbox's end of the keeper: starts it, gives it orders, hands its reports to whoever waits for them."""

import asyncio
import contextlib
import json
import sys
from pathlib import Path
from typing import Any

import tidegate
from tidegate.errors import TidegateError
from tidegate.sandbox.keeper.orders import Order

_PROGRAM = "import sys; sys.path.append(sys.argv[1]); from tidegate.sandbox.keeper.main import main; main()"
_LOST = 137
_ENDED = "the sandbox can start no more processes: its keeper has ended; start the sandbox anew"


class NotStarted(TidegateError):
    """A command could not be started; the message says why."""


class Running:
    """One process at the keeper."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.started: asyncio.Future[int] = loop.create_future()
        """Its pid; raises NotStarted."""
        self.ended: asyncio.Future[int] = loop.create_future()
        """Its exit code, 128 + n after signal n."""


class Keeping:
    """A keeper and the processes that it runs for us. They end when `stop` is called, or when we die."""

    def __init__(self) -> None:
        self.isolation = "none"
        """What mount namespaces this machine allows: `root`, `user` or `none`."""
        self._process: asyncio.subprocess.Process | None = None
        self._running: dict[str, Running] = {}
        self._reader: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start the keeper and wait until it is ready; raises TidegateError if it is not."""
        place = str(Path(tidegate.__file__).parent.parent)
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", "-X", "utf8", "-c", _PROGRAM, place),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        first = await self._read()
        if first is None:
            raise TidegateError(
                "the sandbox cannot start processes: its keeper ended at once; see stderr for its reason"
            )
        self.isolation = first["ready"]
        self._reader = asyncio.create_task(self._hear())

    def run(self, order: Order) -> Running:
        """Start a process; `order.id` must not be one that still runs."""
        running = Running()
        if self._reader is None or self._reader.done():
            running.started.set_exception(NotStarted(_ENDED))
            return running
        self._running[order.id] = running
        self._send({"run": order._asdict()})
        return running

    def end(self, name: str) -> None:
        """Ask a process and its group to end, if it still runs."""
        self._send({"end": name})

    def kill(self, name: str) -> None:
        """End a process and everything it has started."""
        self._send({"kill": name})

    async def stop(self) -> None:
        """End everything and wait until nothing is left."""
        process = self._process
        if process is None or process.stdin is None:
            return
        process.stdin.close()
        await process.wait()
        if self._reader:
            await self._reader

    def _send(self, order: dict[str, Any]) -> None:
        if self._process and self._process.stdin and not self._process.stdin.is_closing():
            self._process.stdin.write(json.dumps(order).encode() + b"\n")

    async def _read(self) -> dict[str, Any] | None:
        if self._process is None or self._process.stdout is None:
            return None
        line = await self._process.stdout.readline()
        report: dict[str, Any] | None = json.loads(line) if line else None
        return report

    async def _hear(self) -> None:
        while (report := await self._read()) is not None:
            self._note(report)
        for name in list(self._running):  # the keeper is gone, and all its processes with it
            self._note({"id": name, "ended": _LOST})

    def _note(self, report: dict[str, Any]) -> None:
        running = self._running[report["id"]]
        with contextlib.suppress(asyncio.InvalidStateError):  # somebody has given up waiting
            if "started" in report:
                running.started.set_result(report["started"])
                return
            del self._running[report["id"]]
            if "refused" in report:
                running.started.set_exception(NotStarted(report["refused"]))
                running.ended.cancel()
            else:
                if not running.started.done():
                    running.started.set_exception(NotStarted(_ENDED))
                running.ended.set_result(report["ended"])
