"""What a container runtime asks of the world and tells it: the seam between the model and real processes."""

from collections.abc import Callable
from typing import Any, Protocol

from tidegate.sandbox.kinds import Kind


class RuntimeWorld(Protocol):
    """The part of the world that a runtime sees. Reports about pods that are gone or ended are ignored there."""

    def get(self, kind: Kind, namespace: str | None, name: str) -> dict[str, Any]:
        """Give an object; raises NotFound."""
        ...

    def on_change(self, _callback: Callable[[Kind, str, dict[str, Any]], None], /) -> None:
        """Have the callback called as `(kind, ADDED|MODIFIED|DELETED, object)` after each change."""
        ...

    def step(self, _now: float, /) -> float | None:
        """Let it be `now`."""
        ...

    def pods_to_start(self) -> list[dict[str, Any]]:
        """Give the pods of this node that nobody has claimed."""
        ...

    def pods_to_kill(self) -> list[tuple[dict[str, Any], float]]:
        """Give the claimed pods that must end, each with the instant until which it may do so by itself."""
        ...

    def claim(self, pod_uid: str) -> object:
        """Take a pod."""
        ...

    def pod_started(self, pod_uid: str, container: str = "main") -> None:
        """A container runs."""
        ...

    def pod_waiting(self, pod_uid: str, container: str, reason: str, message: str) -> None:
        """A container cannot start yet."""
        ...

    def container_terminated(
        self, pod_uid: str, container: str, exit_code: int, *, reason: str = "", message: str = "", init: bool = False
    ) -> None:
        """A container has ended."""
        ...

    def pod_failed(self, pod_uid: str, reason: str, message: str) -> None:
        """The pod fails as a whole."""
        ...

    def pod_gone(self, pod_uid: str) -> None:
        """Nothing of a pod that had to end runs any more."""
        ...
