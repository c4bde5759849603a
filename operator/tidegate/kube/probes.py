"""The HTTP server for the kubelet and Prometheus: /healthz (/livez), /readyz, /metrics."""

from collections.abc import Callable, Sequence

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

Verdict = Callable[[], Sequence[str]]


class Probes:
    """Serves what it is told; both verdicts give the reasons why not, empty when all is well.

    Args:
        registry: what /metrics shows.
        ailments: why the process should be restarted.
        obstacles: why it cannot do its work now; asked together with `ailments` for /readyz.
        host: address to bind, None for all.
        port: port to bind, 0 for any that is free.
    """

    def __init__(
        self, registry: CollectorRegistry, *, ailments: Verdict, obstacles: Verdict, host: str | None, port: int
    ) -> None:
        self._registry, self._ailments, self._obstacles = registry, ailments, obstacles
        self._host, self._port = host, port
        self._runner: web.AppRunner | None = None

    async def start(self) -> int:
        """Begin to serve; give the port. Raises OSError when the address is taken."""
        app = web.Application()
        app.router.add_get("/healthz", self._health)
        app.router.add_get("/livez", self._health)
        app.router.add_get("/readyz", self._readiness)
        app.router.add_get("/metrics", self._metrics)
        self._runner = web.AppRunner(app, access_log=None, handle_signals=False)
        await self._runner.setup()
        await web.TCPSite(self._runner, self._host, self._port).start()
        return int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        """Stop serving."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _health(self, _: web.Request) -> web.Response:
        return _answer(self._ailments())

    async def _readiness(self, _: web.Request) -> web.Response:
        return _answer([*self._ailments(), *self._obstacles()])

    async def _metrics(self, _: web.Request) -> web.Response:
        return web.Response(body=generate_latest(self._registry), headers={"Content-Type": CONTENT_TYPE_LATEST})


def _answer(reasons: Sequence[str]) -> web.Response:
    if reasons:
        return web.Response(status=503, text="".join(f"{reason}\n" for reason in reasons))
    return web.Response(text="ok\n")
