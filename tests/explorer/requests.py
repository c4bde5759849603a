"""What an operator asks of the API server, and what it is answered: small values."""

from typing import NamedTuple

from tidegate.engine.facts import Attempt
from tidegate.errors import AlreadyExists, ApiError, Conflict, NotFound, Unavailable


class Request(NamedTuple):
    """A request. `attempt` says of which Job or pods, None of the run; `content` is what is written, by its number."""

    verb: str
    kind: str
    attempt: Attempt | None = None
    content: int = 0
    version: int = 0

    @property
    def is_write(self) -> bool:
        """Whether it may change something."""
        return self.verb in ("POST", "PUT", "DELETE")

    def told(self) -> str:
        """Say it in a few words."""
        return " ".join([self.verb, self.kind, *([] if self.attempt is None else [str(self.attempt)])])


class Answer(NamedTuple):
    """An answer: an error, or objects by their numbers, of a list with its version."""

    error: str = ""
    objects: tuple[int, ...] = ()
    version: int = 0


_ERRORS: dict[str, ApiError] = {
    "NotFound": NotFound(404, "NotFound", "it does not exist"),
    "AlreadyExists": AlreadyExists(409, "AlreadyExists", "the name is taken"),
    "Conflict": Conflict(409, "Conflict", "it has changed"),
    "Unavailable": Unavailable(0, "", "no answer came"),
}
NOTHING_HEARD = Answer("Unavailable")


def error_of(answer: Answer) -> ApiError:
    """Give the error of an answer that is one."""
    pattern = _ERRORS[answer.error]
    return type(pattern)(pattern.status, pattern.reason, pattern.message)
