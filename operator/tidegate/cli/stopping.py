"""Saying that a run is to stop: the one field of a FlowRun that may change."""

from tidegate.api.flowrun import DesiredState
from tidegate.errors import Conflict
from tidegate.kube.client import Client, Object
from tidegate.kube.resources import FLOWRUNS

_ATTEMPTS = 10
_ORDER = list(DesiredState)


async def ask_to_stop(client: Client, namespace: str, name: str, wanted: DesiredState) -> Object:
    """Set `spec.desiredState`, never backwards; give the run as it is then.

    Raises:
        NotFound: there is no such run.
        Conflict: others keep changing it.
    """
    for attempt in range(_ATTEMPTS):
        run = await client.get(FLOWRUNS, namespace, name)
        current = DesiredState(run["spec"].get("desiredState", DesiredState.RUNNING))
        if _ORDER.index(current) >= _ORDER.index(wanted):
            return run
        run["spec"]["desiredState"] = wanted.value
        try:
            return await client.replace(FLOWRUNS, run)
        except Conflict:
            if attempt == _ATTEMPTS - 1:
                raise
    raise AssertionError("not reached")
