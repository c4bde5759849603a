"""The planted bugs can be planted: their texts are where they were, and what comes out is a program.

That each is caught shows `make mutants`, which takes minutes.
"""

import subprocess
import sys
from collections import Counter

import pytest

from simulation.mutants.catalogue import MUTANTS
from simulation.mutants.mutant import ROOT, Mutant

PYTHON = [mutant for mutant in MUTANTS if mutant.path.suffix == ".py"]


def test_there_are_many_and_each_has_its_own_name_and_does_something():
    assert len(MUTANTS) >= 40
    assert [name for name, count in Counter(mutant.name for mutant in MUTANTS).items() if count > 1] == []
    assert [mutant.name for mutant in MUTANTS if mutant.old == mutant.new] == []
    assert [name for name, count in Counter((m.file, m.old, m.new) for m in MUTANTS).items() if count > 1] == []


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_it_can_be_planted(mutant: Mutant):
    mutant.check()


def test_no_planted_bug_is_a_mere_slip_of_the_pen(tmp_path):
    for number, mutant in enumerate(PYTHON):
        (tmp_path / f"m{number}.py").write_text(mutant.planted())
    checked = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--isolated", "--select", "E9,F821,F823", "--no-cache", tmp_path],
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize("mutant", [mutant for mutant in MUTANTS if mutant.tests], ids=lambda mutant: mutant.name)
def test_the_tests_that_should_know_are_there(mutant: Mutant):
    assert (ROOT / mutant.tests).exists()


def test_what_cannot_be_planted_is_told(tmp_path):
    mutant = Mutant("a bug", "x.py", "one", "two", "why")
    (tmp_path / mutant.path).parent.mkdir(parents=True)
    (tmp_path / mutant.path).write_text("one one")
    with pytest.raises(ValueError, match=r'mutant "a bug": found its text 2 times in operator/tidegate/x\.py'):
        mutant.check(tmp_path)


def test_what_was_planted_is_taken_back(tmp_path):
    mutant = Mutant("a bug", "x.py", "one", "two", "why")
    path = tmp_path / mutant.path
    path.parent.mkdir(parents=True)
    path.write_text("this one")
    before = mutant.plant(tmp_path)
    assert path.read_text() == "this two"
    mutant.undo(tmp_path, before)
    assert path.read_text() == "this one"
