"""The explorer finds bugs: each is planted into a copy of the source, which is explored as the source itself is."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from explorer.planted import BUGS, Bug

ROOT = Path(__file__).parents[2]

BOUND = 100_000
"""States within which each is found, several times over; a bug that is not found must not take all memory there is."""


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name.replace(" ", "-"))
def test_a_planted_bug_is_found(bug: Bug, tmp_path: Path):
    told = explored(plant(bug, tmp_path), bug.scenario)
    assert f"{bug.scenario}: BROKEN" in told, told
    assert f" states: {bug.rule}: " in told, told


def plant(bug: Bug, place: Path) -> Path:
    """Give the folder of a copy of the package that has the bug."""
    shutil.copytree(ROOT / "operator" / "tidegate", place / "tidegate", ignore=shutil.ignore_patterns("__pycache__"))
    file = place / "tidegate" / bug.file
    text = file.read_text()
    assert text.count(bug.right) == 1, f"{bug.file} has changed: say anew where the bug is planted"
    file.write_text(text.replace(bug.right, bug.wrong))
    return place


def explored(package: Path, scenario: str) -> str:
    """Explore a scenario with the package of that folder; give what was told."""
    environment = {**os.environ, "PYTHONPATH": f"{package}{os.pathsep}{ROOT / 'tests'}"}
    command = [sys.executable, "-m", "explorer", "--processes", "1", "--bound", str(BOUND), scenario]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, cwd=package)
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stdout
