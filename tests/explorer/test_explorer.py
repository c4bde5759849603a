"""The explorer goes through small scenarios every time; `make explore` through all of them."""

import pytest

from explorer.scenarios import QUICK, SCENARIOS, Faults, Scenario, a_task
from explorer.search import Search

AT_LEAST = {"one-storm": (30_000, 100_000), "one-late": (3_000, 8_000)}
"""States and transitions: far fewer would mean that something is not explored any more."""


@pytest.mark.parametrize("name", QUICK)
def test_no_way_through_a_scenario_breaks_a_rule(name):
    scenario = next(each for each in SCENARIOS if each.name == name)
    result = Search(scenario).run()
    assert not result.broken, result.told()
    assert result.is_exhausted, result.told()
    states, moves = AT_LEAST[name]
    assert result.states >= states, result.told()
    assert result.moves >= moves, result.told()


def test_every_fault_of_a_scenario_strikes():
    for name in Faults._fields:
        alone = Faults()._replace(**{name: 1})
        result = Search(Scenario(name, (a_task("a"),), alone, operators=1)).run()
        assert result.is_exhausted, result.told()
        assert result.struck[name] > 0, result.told()


def test_the_counts_are_the_same_each_time():
    scenario = Scenario("again", (a_task("a"),), Faults(crash=1), operators=2)
    assert Search(scenario).run() == Search(scenario).run()


def test_a_bound_that_is_hit_is_no_success():
    result = Search(Scenario("bound", (a_task("a"),), Faults()), bound=100).run()
    assert not result.is_exhausted
    assert "NOT exhausted" in result.told()
