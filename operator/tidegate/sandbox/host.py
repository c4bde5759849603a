"""What all pods on this machine share: the world they report to, the keeper of processes, directories, the clock."""

import asyncio
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tidegate.sandbox.keeping import Keeping
from tidegate.sandbox.runtime import RuntimeWorld


@dataclass
class Host:
    """One machine as a node."""

    world: RuntimeWorld
    clock: Callable[[], float]
    root: Path
    keeping: Keeping = field(default_factory=Keeping)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def path(self) -> str:
        """PATH of containers: our interpreter as `python` and `python3`, then this machine's commands."""
        return f"{self.root / 'bin'}:{os.environ.get('PATH', os.defpath)}"

    def report(self) -> RuntimeWorld:
        """Give the world with its time set to now, to be told something."""
        self.world.step(self.clock())
        return self.world

    @property
    def next_change(self) -> asyncio.Event:
        """Is set when the world changes. Take it before looking at the world, or a change may be missed."""
        return self._changed

    def note_change(self) -> None:
        """Wake those who wait for the world to change."""
        self._changed.set()
        self._changed = asyncio.Event()

    def prepare(self) -> None:
        """Make the directories; what an earlier sandbox left of its pods goes."""
        self.root = self.root.resolve()
        shutil.rmtree(self.pods, ignore_errors=True)
        self.pods.mkdir(parents=True)
        for name in ("python", "python3"):
            link = self.root / "bin" / name
            link.parent.mkdir(exist_ok=True)
            link.unlink(missing_ok=True)
            link.symlink_to(sys.executable)

    @property
    def pods(self) -> Path:
        """Where each pod has a directory."""
        return self.root / "pods"

    def place_of(self, pod: dict[str, Any]) -> Path:
        """Give a pod's directory."""
        metadata = pod["metadata"]
        return self.pods / f"{metadata['namespace']}_{metadata['name']}_{metadata['uid']}"
