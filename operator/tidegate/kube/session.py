"""What the operator remembers of a run between two looks at it. All of it can be rebuilt from the cluster."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tidegate.api.conditions import instant_of
from tidegate.api.keys import LABEL_RUN_UID
from tidegate.engine import state as states
from tidegate.engine.actions import KeepResult
from tidegate.engine.facts import Attempt, CacheAnswer, Confirmed, ObjectFact, Rejection
from tidegate.engine.graph import Graph
from tidegate.engine.ledger import FINAL, WAITING
from tidegate.engine.occasion import Occasion
from tidegate.engine.run import Run
from tidegate.engine.state import State
from tidegate.errors import InvalidSpec, NotFound
from tidegate.kube.client import Client, Object
from tidegate.kube.graphs import Graphs
from tidegate.kube.resources import CONFIGMAPS, REVISIONS
from tidegate.kube.store import version_of


class Poisoned(Exception):
    """A run whose own records cannot be read; it can be ended, but not continued."""


@dataclass(frozen=True, slots=True)
class Watch:
    """Since when an object is waited for, and when it is read next; on the monotonic clock."""

    since: float
    next: float


@dataclass(slots=True)
class Session:
    """One run, as this process knows it. `status` and `version` are those of the last write, ours or read.

    `is_followed` says that the state accounts for everything seen but what the store marks as changed; `unsettled` are
    slots to look at again although nothing changed; `cached` is what the cache said of tasks that have not started,
    `unkept` results that are still to be kept in it; `objects` are what tasks wait for, by slot; `queue_words` what
    Kueue said, `queues_asked` when it was asked, `has_queues` whether that makes sense. `refused_pods`
    is what was said of the pods of Jobs that have none; of those, `bare` has when it is asked for and how often it was,
    and `bare_seen` when they were last looked for.
    """

    run: Run
    graph: Graph
    state: State
    status: Mapping[str, Any]
    version: int
    first: bool = False
    confirmed: dict[Attempt, frozenset[Confirmed]] = field(default_factory=dict)
    rejections: dict[Attempt, Rejection] = field(default_factory=dict)
    not_before: dict[Attempt, float] = field(default_factory=dict)
    failures: dict[Attempt, int] = field(default_factory=dict)
    cached: dict[int, CacheAnswer] = field(default_factory=dict)
    unkept: dict[Attempt, KeepResult] = field(default_factory=dict)
    queue_words: dict[Attempt, str] = field(default_factory=dict)
    queues_asked: float | None = None
    refused_pods: dict[Attempt, str] = field(default_factory=dict)
    bare: dict[Attempt, tuple[float, int]] = field(default_factory=dict)
    bare_seen: float | None = None
    has_queues: bool = field(init=False)
    dirty_since: float | None = None
    is_followed: bool = False
    unsettled: frozenset[int] = frozenset()
    objects: dict[int, ObjectFact] = field(default_factory=dict)
    watches: dict[int, Watch] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.has_queues = any(node.task.queue_name is not None for node in self.graph.nodes)

    def confirm(self, attempt: Attempt, what: Confirmed) -> None:
        """Note what a live read said of an attempt."""
        self.confirmed[attempt] = self.confirmed.get(attempt, frozenset()) | {what}

    def forget_old_attempts(self) -> None:
        """Drop what was learned of attempts that are not the current ones."""
        current = set(enumerate(self.state.ledger.attempts))
        self.confirmed = {a: what for a, what in self.confirmed.items() if a in current}
        self.rejections = {a: what for a, what in self.rejections.items() if a in current}
        self.not_before = {a: when for a, when in self.not_before.items() if a in current}
        self.failures = {a: count for a, count in self.failures.items() if a in current}
        slots = self.state.ledger.slots
        self.cached = {s: what for s, what in self.cached.items() if (s, 0) in current and slots[s] not in FINAL}
        self.objects = {slot: fact for slot, fact in self.objects.items() if slots[slot] == WAITING}
        self.watches = {slot: watch for slot, watch in self.watches.items() if slots[slot] == WAITING}


def desired_of(obj: Object) -> str:
    """Give what a run's user wants of it."""
    return str(obj["spec"].get("desiredState") or "Running")


def run_of(obj: Object, revision: str = "", params: Mapping[str, Any] | None = None) -> Run:
    """Give the engine's view of a FlowRun."""
    meta, frozen = obj["metadata"], (obj.get("status") or {}).get("frozen") or {}
    return Run(
        namespace=meta["namespace"],
        name=meta["name"],
        uid=meta["uid"],
        flow=obj["spec"]["flowRef"]["name"],
        revision=revision,
        created=instant_of(meta["creationTimestamp"]) or 0.0,
        params=params or {},
        generation=meta.get("generation", 1),
        depth=frozen.get("depth") or 0,
        root=frozen.get("root") or "",
        scheduled=instant_of(frozen.get("scheduledTime")),
        reuse=frozen.get("reuse") or "",
        occasion=Occasion.parse((frozen or obj["spec"]).get("trigger")),
    )


async def load(client: Client, graphs: Graphs, obj: Object) -> Session:
    """Rebuild the session of an admitted run from its status, its revision and its stored outputs.

    Raises:
        Poisoned: they cannot be read.
        ApiError: the API server could not be asked.
    """
    status, namespace = obj["status"], obj["metadata"]["namespace"]
    frozen = status["frozen"]
    try:
        revision = await client.get(REVISIONS, namespace, frozen["revision"])
        if (revision["metadata"].get("labels") or {}).get(LABEL_RUN_UID) != obj["metadata"]["uid"]:
            raise Poisoned(f"ControllerRevision {frozen['revision']} belongs to another run")
        graph = graphs.compiled(revision["data"]["spec"])
        names = states.names_in(status)
        stored = {name: (await client.get(CONFIGMAPS, namespace, name)).get("data") or {} for name in names}
        state = states.parse(status, graph, stored) if "ledger" in status else states.fresh(graph)
    except NotFound as error:
        raise Poisoned(f"something the run depends on was deleted: {error.message}") from None
    except InvalidSpec as error:
        raise Poisoned(f"its revision cannot be read by this version of Tidegate: {error}") from None
    except (ValueError, KeyError, TypeError) as error:
        raise Poisoned(f"its status is not what Tidegate wrote: {error!r}") from None
    run = run_of(obj, frozen["revision"], frozen.get("params") or {})
    return Session(run, graph, state, status, version_of(obj))
