"""What is known of the items of a fan-out: sets of item numbers, as bit masks. Nothing here looks at the cluster."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Part:
    """A live chunk, or item, as it was last seen; the items are counted from its own first.

    `succeeded` are those whose pod ended well or of which the Job says so, `failed` those of which the Job says so;
    `running` is the number of pods that run.
    """

    succeeded: int = 0
    failed: int = 0
    running: int = 0


@dataclass(frozen=True, slots=True)
class Items:
    """What became of the items of a whole fan-out."""

    succeeded: int = 0
    failed: int = 0

    @property
    def done(self) -> int:
        """How many have ended."""
        return (self.succeeded | self.failed).bit_count()
