"""From a verified event to its run: created under the name that claims the event, or found there."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace

from tidegate.api.triggers import TriggerKind
from tidegate.engine.event import Event
from tidegate.engine.occasion import Occasion
from tidegate.engine.triggers import Start, problems_of, start_of
from tidegate.errors import AlreadyExists, ApiError, ExpressionError, NotFound, Rejected, RequestRefused
from tidegate.kube.client import Client, Object
from tidegate.kube.resources import FLOWRUNS
from tidegate.receiver.hooks import Hook
from tidegate.receiver.runs import Runs
from tidegate.resources.triggered import event_run_name, is_run_of_event, triggered_run

log = logging.getLogger(__name__)

_LATER = 5


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an event: the run that was started, or that had been before, or none because `when` is false."""

    run: str = ""
    is_new: bool = False


class Starting:
    """Starts runs. All of it may be done twice: the second time finds what the first has made."""

    def __init__(self, client: Client, runs: Runs, wall: Callable[[], float]) -> None:
        self._client, self._runs, self._wall = client, runs, wall

    async def start(self, hook: Hook, event: Event) -> Outcome:
        """Start the run of an event unless it has one.

        Raises:
            RequestRefused: it gets none.
        """
        meta = hook.flow["metadata"]
        name = event_run_name(meta["name"], hook.uid, hook.trigger, event.key)
        known = self._runs.find((meta["namespace"], name))
        if known is not None and (known.flow_uid, known.trigger, known.event) == (hook.uid, hook.trigger, event.key):
            return Outcome(name)
        occasion = Occasion(hook.trigger, TriggerKind.WEBHOOK, float(int(self._wall())), id=event.key)
        start = _start(hook, event, occasion, name)
        if start is None:
            return Outcome()
        most = hook.webhook.max_pending
        if self._runs.pending(hook.uid, hook.trigger) >= most:
            message = f"{most:,} runs of this trigger have not begun yet; send the event again later"
            raise RequestRefused(429, message, retry_after=_LATER)
        return await self._create(hook, event, triggered_run(hook.flow, occasion, start, name))

    async def _create(self, hook: Hook, event: Event, body: Object) -> Outcome:
        namespace, name = body["metadata"]["namespace"], body["metadata"]["name"]
        try:
            return await self._claim(hook, event, body)
        except Rejected as error:
            raise RequestRefused(422, f"the API server does not take the run: {error.message}") from None
        except ApiError as error:
            log.warning("a run could not be created", extra={"namespace": namespace, "run": name, "error": str(error)})
            message = f"the API server does not take runs now: {error.message}"
            raise RequestRefused(503, message, retry_after=_LATER) from None

    async def _claim(self, hook: Hook, event: Event, body: Object) -> Outcome:
        """Take the name, or see whose it is; who had it may go in between."""
        namespace, name = body["metadata"]["namespace"], body["metadata"]["name"]
        try:
            self._runs.created(await self._client.create(FLOWRUNS, namespace, body))
            return Outcome(name, is_new=True)
        except AlreadyExists:
            pass
        try:
            run = await self._client.get(FLOWRUNS, namespace, name)
        except NotFound:
            self._runs.created(await self._client.create(FLOWRUNS, namespace, body))
            return Outcome(name, is_new=True)
        if not is_run_of_event(run, hook.uid, hook.trigger, event.key):
            raise RequestRefused(409, f"FlowRun {name} is there, and this trigger did not start it for this event")
        return Outcome(name)


def _start(hook: Hook, event: Event, occasion: Occasion, name: str) -> Start | None:
    """Give what the run takes, None where `when` is false."""
    meta = hook.flow["metadata"]
    about = {"name": name, "namespace": meta["namespace"], "flow": meta["name"]}
    try:
        start = start_of(hook.compiled, replace(occasion, id=""), about, event.context())
    except ExpressionError as error:
        raise RequestRefused(422, f"an expression of this trigger fails on this event: {error}") from None
    problems = problems_of(hook.compiled, hook.params, start) if start is not None else []
    if problems:
        raise RequestRefused(422, f"the Flow does not take what this event gives: {'; '.join(problems)}")
    return start
