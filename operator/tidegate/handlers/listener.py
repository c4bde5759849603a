"""Running kopf in our loop: it listens to our kinds until it is cancelled."""

import asyncio
from collections.abc import Sequence
from typing import Any

from tidegate.handlers import backfill, flow, flowapproval, flowrun
from tidegate.handlers.framework import kopf, settings
from tidegate.kube.credentials import Credentials
from tidegate.kube.inbox import Inbox


async def listen(credentials: Credentials, inbox: Inbox, namespaces: Sequence[str]) -> None:
    """Watch our kinds but CacheEntry, hand changes to the inbox; returns only when cancelled or broken."""
    registry = kopf.OperatorRegistry()
    flow.register(registry, inbox)
    flowrun.register(registry, inbox)
    flowapproval.register(registry, inbox)
    backfill.register(registry, inbox)

    @kopf.on.login(registry=registry)  # type: ignore[untyped-decorator]
    async def login(**_: Any) -> Any:
        return kopf.AiohttpSession(
            server=credentials.server,
            default_namespace=credentials.namespace,
            aiohttp_session=credentials.open_session(),
        )

    await kopf.operator(
        registry=registry,
        settings=settings(),
        clusterwide=not namespaces,
        namespaces=tuple(namespaces),
        standalone=True,
        stop_flag=asyncio.Event(),
    )
