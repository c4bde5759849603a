"""All clusters of a search, by number, what can happen in each and what each request does in it, worked out once."""

from typing import NamedTuple

from explorer.apiserver import ApiServer, News, Outcome
from explorer.controllers import Controllers
from explorer.manifests import Manifests
from explorer.requests import Answer, Request
from explorer.rules import Rules
from explorer.truth import World


class Happened(NamedTuple):
    """What came of something: the world after it, by number, and the rules it broke."""

    world: int
    answer: Answer
    news: tuple[News, ...]
    broken: tuple[str, ...]


class Worlds:
    """Knows every world that was met."""

    def __init__(self, manifests: Manifests, rules: Rules, *, settles: bool) -> None:
        self._server = ApiServer(manifests)
        self._controllers = Controllers(manifests, self._server, settles=settles)
        self._manifests, self.rules = manifests, rules
        self._numbers: dict[World, int] = {}
        self._worlds: list[World] = []
        self._done: dict[tuple[int, Request], Happened] = {}
        self._steps: dict[int, list[tuple[str, str, Happened]]] = {}

    def __getitem__(self, number: int) -> World:
        return self._worlds[number]

    def __len__(self) -> int:
        return len(self._worlds)

    def number(self, world: World) -> int:
        """Give the number of a world."""
        number = self._numbers.setdefault(world, len(self._worlds))
        if number == len(self._worlds):
            self._worlds.append(world)
        return number

    def carry_out(self, number: int, request: Request) -> Happened:
        """Do what is asked in a world."""
        key = (number, request)
        if key not in self._done:
            world = self._worlds[number]
            self._done[key] = self._happened(world, self._server.carry_out(world, request))
        return self._done[key]

    def steps(self, number: int) -> list[tuple[str, str, Happened]]:
        """Give what can happen in a world by itself, each with its words and the fault that it costs."""
        if number not in self._steps:
            world = self._worlds[number]
            steps = self._controllers.steps(world)
            self._steps[number] = [(step.told, step.fault, self._happened(world, step.outcome)) for step in steps]
        return self._steps[number]

    def everything(self, number: int) -> tuple[News, ...]:
        """Give what a list of all kinds shows."""
        world, make = self._worlds[number], self._manifests
        jobs = [News("job", "ADDED", make.job(each.attempt, each.job)) for each in world.tries if each.job]
        pods = [News("pod", "ADDED", make.pod(each.attempt, pod)) for each in world.tries for pod in each.pods]
        return (*jobs, *pods, News("run", "ADDED", make.run_of(world)))

    def may_succeed(self, number: int, request: Request, *, names_are_kept: bool) -> bool:
        """Whether a request that is still on its way could ever change something."""
        world = self._worlds[number]
        if request.attempt is None:
            return request.version == world.version
        job = world.of(request.attempt).job
        if request.verb == "POST":
            return job is None or not names_are_kept
        return job is not None and job.version == request.version

    def is_over(self, number: int) -> bool:
        """Whether the run has ended."""
        return self.rules.ledger(self._worlds[number]).is_over

    def _happened(self, before: World, outcome: Outcome) -> Happened:
        broken = () if outcome.world is before else tuple(self.rules.broken(before, outcome.world))
        return Happened(self.number(outcome.world), outcome.answer, outcome.news, broken)
