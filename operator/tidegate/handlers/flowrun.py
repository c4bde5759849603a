"""What kopf tells us of FlowRuns."""

from typing import Any

from tidegate.api.keys import GROUP, VERSION
from tidegate.handlers.framework import kopf
from tidegate.kube.inbox import Inbox


def register(registry: Any, inbox: Inbox) -> None:
    """Hand every change of a FlowRun to the inbox."""

    @kopf.on.event(GROUP, VERSION, "flowruns", registry=registry)  # type: ignore[untyped-decorator]
    async def flowrun_changed(event: Any, **_: Any) -> None:
        inbox.run(event["type"], dict(event["object"]))
