"""Simulations of two days in which events are sent again and again, while receivers and operators crash.

The senders' own record is the truth: which events there were, and what they were answered.
"""

import asyncio
import base64
import json
import random
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from simulation.chance import Chance, dice
from simulation.client import SimulatedClient, kind_of
from simulation.cluster import START, Cluster
from simulation.node import Node
from simulation.operators import OperatorProcess
from simulation.schedules import OPERATORS_FAULTS
from simulation.views import View
from tidegate.kube.resources import FLOWRUNS, FLOWS
from tidegate.receiver.desk import Answer, Desk, Request
from tidegate.receiver.hooks import Hooks, Place, slim_flow
from tidegate.receiver.runs import Runs, see_run
from tidegate.receiver.secretkeys import SecretKeys
from tidegate.receiver.starting import Starting
from tidegate.sandbox import kinds
from tidegate.sandbox.kinds import Kind
from virtual_loop import run as run_virtually

DAY = 86_400.0
EVENTS = 25
_HEADERS = {"authorization": "Bearer t0ken"}
_WEBHOOK = {"secretRef": {"name": "hook", "key": "token"}, "verify": "Bearer"}
_PLACES = [Place("default", f"flow-{number}", "hook") for number in range(2)]


class Broken(Exception):
    """The connection broke: the sender knows nothing."""


class ReceiverProcess:
    """The production desk on views that lag; it may crash and start anew, and knows nothing then."""

    def __init__(self, cluster: Cluster, chance: Chance) -> None:
        self._cluster, self._chance = cluster, chance
        self._answering: set[asyncio.Task[Answer]] = set()
        self._views: list[View] = []
        self._desk: Desk | None = None
        self.crashes = 0
        self.begin()

    async def send(self, place: Place, event: str) -> Answer:
        """Send an event; raises Broken when nobody answers."""
        if self._desk is None:
            raise Broken
        headers = {**_HEADERS, "idempotency-key": event}
        task = asyncio.create_task(self._desk.answer(place, Request(headers, _body(event))))
        self._answering.add(task)
        await asyncio.wait({task})
        self._answering.discard(task)
        if task.cancelled():
            raise Broken
        return task.result()

    def begin(self) -> None:
        """Live, with an empty memory."""
        loop = asyncio.get_running_loop()
        hooks, runs = Hooks(), Runs(loop.time)
        client = SimulatedClient(self._cluster, self._chance, self._crash, lambda: 0.0, Counter())
        self._views = [
            View(self._cluster, self._chance, kind_of(FLOWS), _slim(slim_flow, hooks.take)),
            View(self._cluster, self._chance, kind_of(FLOWRUNS), _slim(see_run, runs.take)),
        ]
        self._desk = Desk(
            hooks=hooks,
            keys=SecretKeys(client, loop.time),
            starting=Starting(client, runs, self._cluster.now),
            wall=self._cluster.now,
            is_ready=lambda: True,
            on_event=lambda *_: None,
        )

    def _crash(self) -> None:
        """Die in the middle of a request, and take all others along."""
        self.crashes += 1
        self._desk = None
        for view in self._views:
            view.close()
        for task in self._answering:
            task.cancel()
        asyncio.get_running_loop().call_later(self._chance.seconds(0.1, 30.0), self.begin)
        raise asyncio.CancelledError


async def _body(event: str) -> AsyncIterator[bytes]:
    yield json.dumps({"event": event}).encode()


def _slim(extract: Any, take: Any) -> Any:
    """Make of something that takes records, something that takes objects, as a reflector does."""

    def taking(change: str, obj: dict[str, Any]) -> None:
        record = extract(obj)
        if record is not None:
            take(change, record)

    return taking


@dataclass(frozen=True, slots=True)
class Days:
    """What the days showed: `begun` are the events of which a run began."""

    violations: tuple[str, ...]
    begun: int
    crashes: int


class Events:
    """Watches one cluster: which runs were created for which event, began, and were deleted when."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self.violations: list[str] = []
        self.created: defaultdict[str, dict[str, str]] = defaultdict(dict)
        self.begun: set[str] = set()
        self._since: dict[str, float] = {}
        cluster.world.on_change(self._changed)

    def _changed(self, kind: Kind, change: str, run: dict[str, Any]) -> None:
        if kind is not kinds.FLOWRUNS:
            return
        uid, event, now = run["metadata"]["uid"], run["spec"]["trigger"]["id"], self._cluster.now()
        if change == "ADDED":
            self.created[event][uid] = run["metadata"]["name"]
            self._since[uid] = now
        if "frozen" in (run.get("status") or {}):
            self.begun.add(uid)
        if change == "DELETED" and now - self._since[uid] < DAY - 1:
            self.violations.append(f"rule 14: the run of {event} is gone after {now - self._since[uid]:.0f} s")
        if len(self.created[event]) > 1:
            self.violations.append(f"rule 9: {event} has {len(self.created[event])} runs")

    def answered(self, event: str, name: str) -> None:
        """Hold what a sender was told against what is there."""
        if name not in self.created[event].values():
            self.violations.append(f"rule 9: {event} was told of {name}, which was never created")

    def check_end(self, sent: set[str]) -> None:
        """Every event has a run, which began."""
        for event in sent:
            if not self.begun & self.created[event].keys():
                self.violations.append(f"rule 15: no run of {event} began")


def simulate_days(seed: int) -> Days:
    """Draw Flows with webhooks, and events that are sent until they are answered, and once more later."""
    return run_virtually(_play(seed), start=START)


async def _play(seed: int) -> Days:
    rng = random.Random(seed)
    faults = frozenset(name for name in OPERATORS_FAULTS if rng.random() < 0.4)
    chance, cluster = Chance(faults, dice(seed)), Cluster()
    events = Events(cluster)
    Node(cluster, chance)
    token = {"token": base64.b64encode(b"t0ken").decode()}
    cluster.world.create(kinds.SECRETS, {"metadata": {"name": "hook"}, "data": token}, namespace="default")
    for place in _PLACES:
        cluster.world.create(kinds.FLOWS, _a_flow(rng, place.flow), namespace="default")
    operator = OperatorProcess("operator", cluster, chance, Counter())
    life = asyncio.create_task(operator.run())
    receivers = [ReceiverProcess(cluster, chance) for _ in range(2)]
    sending = [
        asyncio.create_task(_send(random.Random(f"{seed} {number}"), receivers, events, f"event-{number}"))
        for number in range(EVENTS)
    ]
    await asyncio.gather(*sending)
    chance.calm = True
    await asyncio.sleep(1800.0)
    events.check_end({f"event-{number}" for number in range(EVENTS)})
    life.cancel()
    await asyncio.gather(life, return_exceptions=True)
    errors = [repr(error) for error in operator.errors]
    crashes = operator.crashes + sum(receiver.crashes for receiver in receivers)
    return Days((*events.violations, *errors), len(events.begun), crashes)


def _a_flow(rng: random.Random, name: str) -> dict[str, Any]:
    params = {"event": "$[[ event.data.event ]]"}
    spec: dict[str, Any] = {
        "tasks": [{"name": "a", "set": {"x": 1}}],
        "params": [{"name": "event", "type": "string"}],
        "triggers": [{"name": "hook", "webhook": _WEBHOOK, "params": params}],
        "history": {"succeeded": rng.randint(0, 2), "failed": 0},
        "concurrency": {"policy": rng.choice(["Allow", "Queue"])},
    }
    return {"apiVersion": "tidegate.dev/v1alpha1", "kind": "Flow", "metadata": {"name": name}, "spec": spec}


async def _send(rng: random.Random, receivers: list[ReceiverProcess], events: Events, event: str) -> None:
    """Send an event until it is answered; twice at once, and again within the day after its first answer."""
    place = rng.choice(_PLACES)
    deliver = partial(_deliver, rng, receivers, events, place, event)
    await asyncio.sleep(rng.uniform(0, 3600))
    await asyncio.gather(*(deliver() for _ in range(rng.randint(1, 3))))
    for _ in range(2):
        await asyncio.sleep(rng.uniform(0, 11 * 3600))
        await deliver()


async def _deliver(
    rng: random.Random, receivers: list[ReceiverProcess], events: Events, place: Place, event: str
) -> None:
    while True:
        try:
            answer = await rng.choice(receivers).send(place, event)
        except Broken:
            answer = Answer(503, {})
        if answer.status in (200, 202):
            events.answered(event, answer.body["run"])
            return
        if answer.status not in (404, 429, 500, 503):
            events.violations.append(f"{event} was refused: {answer}")
            return
        await asyncio.sleep(rng.uniform(1, 30))
