"""What can happen next in a state: requests answered or lost, steps of the cluster, looks, and every fault."""

from collections.abc import Iterator

from explorer.operators import Answered, Look, Operators, Wake
from explorer.requests import NOTHING_HEARD, Request
from explorer.states import Move, Op, State
from explorer.worlds import Happened, Worlds

SLOW_SECONDS = 6.0
"""Longer than a reconciler trusts that what it knew is still so."""


class Moves:
    """Gives the moves of states."""

    def __init__(self, worlds: Worlds, operators: Operators) -> None:
        self._worlds, self._operators = worlds, operators

    def of(self, state: State) -> Iterator[Move]:
        """Give everything that can happen next."""
        for told, fault, happened in self._worlds.steps(state.world):
            if not fault or getattr(state.left, fault):
                yield from self._told_to_all(told, _spent(state, fault), happened, fault)
        for request in state.network:
            yield from self._arrivals(state, request)
        for index, op in enumerate(state.ops):
            if not (index and op == state.ops[index - 1]):  # what is equal moves equally
                yield from self._of_operator(state, index, op)

    # Operators

    def _of_operator(self, state: State, index: int, op: Op) -> Iterator[Move]:
        local, name = self._operators[op.local], f"operator {index}"
        if local.may_look:
            yield self._fed(f"{name} looks", state, index, Look)
        elif local.may_wake:
            yield self._fed(f"{name} wakes", state, index, Wake)
        late = [request for request, _ in op.late]
        for request in local.pending:
            if request not in late:
                yield from self._of_request(state, index, op, request)
        for request, answer in op.late:
            left = tuple(each for each in op.late if each[0] != request)
            answered = Answered(request, answer, SLOW_SECONDS)
            yield self._fed(
                f"{name} has its late answer: {request.told()}",
                _with(state, index, op._replace(late=left)),
                index,
                answered,
            )
        yield from self._views_go_on(state, index, op)
        if state.left.crash:
            yield self._crash(state, index, op, local.pending)

    def _of_request(self, state: State, index: int, op: Op, request: Request) -> Iterator[Move]:
        told = f"operator {index}: {request.told()}"
        happened = self._worlds.carry_out(state.world, request)
        told_answer = f"{told} -> {happened.answer.error or 'done'}"
        answered = self._after(state, index, Answered(request, happened.answer))
        yield from self._told_to_all(told_answer, answered, happened)
        if state.left.lose:
            unheard = self._after(_spent(state, "lose"), index, Answered(request, NOTHING_HEARD))
            if request.is_write:
                unheard = unheard._replace(network=(*unheard.network, request))
            yield Move(f"{told} is lost", self._settled(unheard), "lose")
        if state.left.slow:
            waits = _with(_spent(state, "slow"), index, op._replace(late=(*op.late, (request, happened.answer))))
            yield from self._told_to_all(f"{told_answer}, but late", waits, happened, "slow")

    def _views_go_on(self, state: State, index: int, op: Op) -> Iterator[Move]:
        for kind, waiting in op.lagging:
            others = tuple(each for each in op.lagging if each[0] != kind)
            rest = (*others, (kind, waiting[1:])) if waiting[1:] else others
            went_on = _with(state, index, op._replace(lagging=tuple(sorted(rest))))
            yield self._fed(f"operator {index} sees the {kind} go on", went_on, index, waiting[:1])

    def _crash(self, state: State, index: int, op: Op, pending: tuple[Request, ...]) -> Move:
        late = [request for request, _ in op.late]
        sent = [request for request in pending if request.is_write and request not in late]
        born = Op(self._operators.born(self._worlds.everything(state.world)))
        crashed = _with(_spent(state, "crash"), index, born)
        return Move(
            f"operator {index} crashes", self._settled(crashed._replace(network=(*crashed.network, *sent))), "crash"
        )

    # The network

    def _arrivals(self, state: State, request: Request) -> Iterator[Move]:
        left = list(state.network)
        left.remove(request)
        without = state._replace(network=tuple(left))
        happened = self._worlds.carry_out(state.world, request)
        told = f"late arrives: {request.told()} -> {happened.answer.error or 'done'}"
        yield from self._told_to_all(told, without, happened)
        yield Move(f"never arrives: {request.told()}", self._settled(without))

    # Views

    def _told_to_all(self, told: str, state: State, happened: Happened, fault: str = "") -> Iterator[Move]:
        """Give what comes of a change when all see it at once, and when the view of one begins to lag with it."""
        changed = state._replace(world=happened.world)
        if not happened.news:
            yield Move(told, self._settled(changed), fault, happened.broken)
            return
        seen = changed._replace(ops=tuple(self._hears(op, happened) for op in changed.ops))
        yield Move(told, self._settled(seen), fault, happened.broken)
        kind = happened.news[0].kind
        for index, op in enumerate(changed.ops if state.left.lag else ()):
            if not op.lags(kind):
                behind = op._replace(lagging=tuple(sorted((*op.lagging, (kind, happened.news)))))
                lagging = _with(_spent(seen, "lag"), index, behind)
                yield Move(
                    f"{told}; operator {index} does not see it yet",
                    self._settled(lagging),
                    fault or "lag",
                    happened.broken,
                )

    def _hears(self, op: Op, happened: Happened) -> Op:
        kind = happened.news[0].kind
        if op.lags(kind):
            lagging = ((each, (*waiting, *happened.news) if each == kind else waiting) for each, waiting in op.lagging)
            return op._replace(lagging=tuple(lagging))
        return op._replace(local=self._operators.after(op.local, happened.news))

    # States

    def _fed(self, told: str, state: State, index: int, what: object) -> Move:
        return Move(told, self._settled(self._after(state, index, what)))

    def _after(self, state: State, index: int, what: object) -> State:
        op = state.ops[index]
        return _with(state, index, op._replace(local=self._operators.after(op.local, what)))

    def _settled(self, state: State) -> State:
        """Give the state without what cannot matter any more, in the one order that equal states share."""
        kept, fixed = self._worlds, not state.left.delete
        network = (each for each in state.network if kept.may_succeed(state.world, each, names_are_kept=fixed))
        return state._replace(ops=tuple(sorted(state.ops, key=_rank)), network=tuple(sorted(network, key=repr)))


def _rank(op: Op) -> tuple[int, str]:
    return op.local, repr(op[1:])


def _with(state: State, index: int, op: Op) -> State:
    return state._replace(ops=tuple(op if each == index else old for each, old in enumerate(state.ops)))


def _spent(state: State, fault: str) -> State:
    if not fault:
        return state
    return state._replace(left=state.left._replace(**{fault: getattr(state.left, fault) - 1}))
