"""What a run on this machine says of the decisions it waits for: how they are taken from another terminal."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tidegate.cli.progress import Progress
from tidegate.engine.asking import AWAITING


class Asking:
    """Shows a run as another does, and says once for each decision with which command it is taken."""

    def __init__(self, shown: Progress, kubeconfig: Path) -> None:
        self._shown, self._kubeconfig = shown, kubeconfig
        self._asked: set[str] = set()

    def show(self, run: Mapping[str, Any]) -> None:
        """Show a run as it is now."""
        self._shown.show(run)
        for row in (run.get("status") or {}).get("tasks") or ():
            if row.get("reason") == AWAITING and row["name"] not in self._asked:
                self._asked.add(row["name"])
                meta = run["metadata"]
                where = f"-n {meta['namespace']} --kubeconfig {self._kubeconfig}"
                self.say(f"from another terminal: tidegate approve {meta['name']} {row['name']} {where}   (or reject)")

    def say(self, sentence: str) -> None:
        """Show a sentence beside it."""
        self._shown.say(sentence)
