"""What kopf tells us of FlowApprovals."""

from typing import Any

from tidegate.api.keys import GROUP, VERSION
from tidegate.handlers.framework import kopf
from tidegate.kube.inbox import Inbox


def register(registry: Any, inbox: Inbox) -> None:
    """Hand every change of a FlowApproval to the inbox."""

    @kopf.on.event(GROUP, VERSION, "flowapprovals", registry=registry)  # type: ignore[untyped-decorator]
    async def flowapproval_changed(event: Any, **_: Any) -> None:
        inbox.approval(event["type"], dict(event["object"]))
