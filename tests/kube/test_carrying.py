"""Carrying out a plan: all of it in parallel, and nothing of it goes on once the carrier has answered."""

import pytest

from engine.harness import START, graph_of, pod
from kube.fake_api import FakeApi
from tidegate.api import keys
from tidegate.engine import state as states
from tidegate.engine.actions import StopJob
from tidegate.engine.run import Run
from tidegate.errors import Conflict
from tidegate.kube.carrying import Carrier
from tidegate.kube.client import Object, Page
from tidegate.kube.clocks import Clocks
from tidegate.kube.resources import JOBS, Resource
from tidegate.kube.session import Session
from tidegate.kube.store import Store
from virtual_loop import on_virtual_time

RUN = Run("ns", "run-1", "uid-run", "flow", "rev", START)


class Refusing(FakeApi):
    """Says of the pods of slot 0 that somebody else wrote."""

    async def list(self, resource: Resource, namespace: str | None, **selectors: str) -> Page:
        if f"{keys.LABEL_SLOT}=0" in selectors["labels"]:
            raise Conflict(409, "Conflict", "it has changed")
        return await super().list(resource, namespace, **selectors)


@on_virtual_time
async def test_what_one_action_raises_waits_for_the_others():
    api = Refusing()
    api.latency = 1.0
    graph = graph_of(pod("a"), pod("b"))
    session = Session(RUN, graph, states.fresh(graph), {}, 1)
    carrier = Carrier(api, Store(), Clocks(lambda: START, lambda: 0.0))
    with pytest.raises(Conflict):
        await carrier.carry_out(session, [StopJob((0, 1), "a"), StopJob((1, 1), "b")], 0.0)
    assert held(api) == {"0", "1"}
    assert (1, 1) in session.confirmed, "the other was carried out to its end"


def held(api: FakeApi) -> set[str]:
    jobs: list[Object] = [obj for (plural, _, _), obj in api.objects.items() if plural == JOBS.plural]
    return {job["metadata"]["labels"][keys.LABEL_SLOT] for job in jobs}
