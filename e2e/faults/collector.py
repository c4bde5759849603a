"""What the tasks themselves say: each tells an HTTP server that it runs, before it does anything else.

Nothing of Kubernetes and nothing of Tidegate is between a task and this list, but the network.
"""

from collections import defaultdict
from types import TracebackType
from typing import NamedTuple, Self

from aiohttp import web


class Told(NamedTuple):
    """One task, once: which, in which attempt, from which pod."""

    task: str
    attempt: int
    pod: str


class Collector:
    """Listens on an address that pods can reach; `told` has what came, by run and in order."""

    def __init__(self, host: str) -> None:
        self._host = host
        self.told: defaultdict[str, list[Told]] = defaultdict(list)
        self.url = ""
        app = web.Application()
        app.router.add_get("/", self._take)
        self._runner = web.AppRunner(app, access_log=None, handle_signals=False)

    async def __aenter__(self) -> Self:
        """Begin to listen."""
        await self._runner.setup()
        await web.TCPSite(self._runner, self._host, 0).start()
        self.url = f"http://{self._host}:{self._runner.addresses[0][1]}/"
        return self

    async def __aexit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        """End."""
        await self._runner.cleanup()

    async def _take(self, request: web.Request) -> web.Response:
        said = request.query
        self.told[said["run"]].append(Told(said["task"], int(said["attempt"]), said["pod"]))
        return web.Response(text="noted\n")
