"""Events of Jobs without pods: read after a while, less and less often, and never needed."""

import itertools
from dataclasses import replace
from typing import Any

import pytest

from engine.harness import START, graph_of, pod
from kube.fake_api import FakeApi
from tidegate.engine import state as states
from tidegate.engine.facts import JobFact, JobState, PodFact
from tidegate.engine.run import Run
from tidegate.engine.state import Memory
from tidegate.engine.tally import Tally
from tidegate.errors import Forbidden
from tidegate.kube.children import Children
from tidegate.kube.client import Page
from tidegate.kube.refusals import FIRST_SECONDS, LAST_SECONDS, ask
from tidegate.kube.resources import EVENTS, Resource
from tidegate.kube.session import Session

RUN = Run("ns", "run-1", "uid-run", "flow", "rev", START)
NOTE = 'Error creating: pods "j0-x7k2q" is forbidden: exceeded quota: none, requested: pods=1'
WORDS = "exceeded quota: none, requested: pods=1"


class Controller(FakeApi):
    """Tells of Jobs; keeps which fields were asked for."""

    def __init__(self):
        super().__init__()
        self.asked: list[str] = []

    async def list(self, resource: Resource, namespace: str | None, *, fields: str = "", **options: Any) -> Page:
        self.asked.append(fields)
        return await super().list(resource, namespace, **options)

    def tell(self, uid: str, note: str, last: str = "2026-01-01T00:00:00Z") -> None:
        body = {"note": note, "regarding": {"uid": uid}, "deprecatedLastTimestamp": last}
        self.put(EVENTS, "ns", f"event-{len(self.objects)}", body)


def a_session(count: int = 1, *, started: bool = False) -> Session:
    """Give a session of a run of so many tasks, all named, none running yet."""
    graph = graph_of(*(pod(f"t{index}") for index in range(count)))
    state = states.fresh(graph)
    state.ledger.attempts[:] = [1] * count
    starts = {} if started else dict.fromkeys(range(count), START + 3600)
    state = replace(state, memory=Memory(Tally.rebuilt(graph, state.ledger), 0, starts=starts))
    return Session(RUN, graph, state, {}, 1)


def children_of(count: int = 1, state: JobState = JobState.ACTIVE) -> Children:
    children = Children()
    children.jobs = {(slot, 1): JobFact(f"j{slot}", f"u{slot}", (slot, 1), state, START) for slot in range(count)}
    return children


async def asked_at(api: FakeApi, session: Session, children: Children, *times: float) -> list[float | None]:
    return [await ask(api, session, children, now) for now in times]


async def test_the_words_are_read_once_a_job_has_had_no_pod_for_a_while():
    api, session, children = Controller(), a_session(), children_of()
    api.tell("u0", NOTE)
    assert await asked_at(api, session, children, 0.0, 4.0) == [FIRST_SECONDS, FIRST_SECONDS - 4]
    assert api.asked == []
    assert await ask(api, session, children, FIRST_SECONDS) == 0.0
    assert (session.refused_pods, session.unsettled) == ({(0, 1): WORDS}, {0})
    assert api.asked == ["reason=FailedCreate,regarding.kind=Job,regarding.uid=u0"]


async def test_they_are_read_less_and_less_often():
    api, session, children = Controller(), a_session(), children_of()
    now = 0.0
    read: list[float] = []
    while now < 2000:
        before = len(api.asked)
        wait = await ask(api, session, children, now)
        assert wait
        read += [now] * (len(api.asked) - before)
        now += wait
    gaps = [later - earlier for earlier, later in itertools.pairwise(read)]
    assert gaps == [10, 20, 40, 80, 160, *[LAST_SECONDS] * (len(gaps) - 5)]


async def test_many_jobs_are_asked_for_in_one_request():
    api, session, children = Controller(), a_session(3), children_of(3)
    api.tell("u0", NOTE)
    api.tell("u2", "Error creating: a webhook said no")
    api.tell("u9", "of another run")
    await asked_at(api, session, children, 0.0, 10.0)
    assert session.refused_pods == {(0, 1): WORDS, (2, 1): "a webhook said no"}
    assert api.asked == ["reason=FailedCreate,regarding.kind=Job"]


@pytest.mark.parametrize(
    ("note", "words"),
    [
        (NOTE, WORDS),
        (f"(combined from similar events): {NOTE}", WORDS),
        (
            'Error creating: pods "x" is forbidden: violates PodSecurity "restricted:latest"',
            'violates PodSecurity "res',
        ),
        ("Error creating: admission webhook denied the request", "admission webhook denied the request"),
        ("something else", "something else"),
        ("", ""),
    ],
)
async def test_what_the_controller_says_around_the_words_is_left_out(note: str, words: str):
    api, session = Controller(), a_session()
    api.tell("u0", note)
    await asked_at(api, session, children_of(), 0.0, 10.0)
    assert session.refused_pods[0, 1].startswith(words)
    assert "Error creating" not in session.refused_pods[0, 1]


async def test_the_latest_words_count():
    api, session = Controller(), a_session()
    api.tell("u0", "second", last="2026-01-01T00:00:09Z")
    api.tell("u0", "first", last="2026-01-01T00:00:01Z")
    await asked_at(api, session, children_of(), 0.0, 10.0)
    assert session.refused_pods == {(0, 1): "second"}


async def test_nobody_is_asked_for_jobs_that_run_or_have_pods_or_are_suspended():
    api = Controller()
    waiting = children_of()
    waiting.pods = {(0, 1): (PodFact("p", "p", "u0", (0, 1)),)}
    for session, children in (
        (a_session(started=True), children_of()),
        (a_session(), waiting),
        (a_session(), children_of(state=JobState.SUSPENDED)),
        (a_session(), Children()),
    ):
        first = await ask(api, session, children, 0.0)
        assert (first, await ask(api, session, children, 60.0)) == (None, None)
    assert api.asked == []


async def test_a_pod_that_comes_ends_the_asking():
    api, session, children = Controller(), a_session(), children_of()
    api.tell("u0", NOTE)
    await asked_at(api, session, children, 0.0, 10.0)
    children.pods = {(0, 1): (PodFact("p", "p", "u0", (0, 1)),)}
    assert await asked_at(api, session, children, 20.0, 30.0) == [None, None]
    assert len(api.asked) == 1


async def test_without_the_right_nothing_is_missing_but_the_words():
    api, session = Controller(), a_session()
    api.outage = Forbidden(403, "Forbidden", "no")
    assert await asked_at(api, session, children_of(), 0.0, 10.0) == [10.0, 10.0]
    assert (session.refused_pods, session.unsettled) == ({}, frozenset())
