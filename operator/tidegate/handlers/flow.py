"""What kopf tells us of Flows."""

from typing import Any

from tidegate.api.keys import GROUP, VERSION
from tidegate.handlers.framework import kopf
from tidegate.kube.inbox import Inbox


def register(registry: Any, inbox: Inbox) -> None:
    """Hand every change of a Flow to the inbox."""

    @kopf.on.event(GROUP, VERSION, "flows", registry=registry)  # type: ignore[untyped-decorator]
    async def flow_changed(event: Any, **_: Any) -> None:
        inbox.flow(event["type"], dict(event["object"]))
