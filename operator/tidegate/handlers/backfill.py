"""What kopf tells us of Backfills."""

from typing import Any

from tidegate.api.keys import GROUP, VERSION
from tidegate.handlers.framework import kopf
from tidegate.kube.inbox import Inbox


def register(registry: Any, inbox: Inbox) -> None:
    """Hand every change of a Backfill to the inbox."""

    @kopf.on.event(GROUP, VERSION, "backfills", registry=registry)  # type: ignore[untyped-decorator]
    async def backfill_changed(event: Any, **_: Any) -> None:
        inbox.backfill(event["type"], dict(event["object"]))
