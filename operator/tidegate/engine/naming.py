"""Names by content: what is stored before status names it must have the same name whoever stores it."""

import hashlib

_HASH = 10


def digest(*parts: str, length: int = _HASH) -> str:
    """Give a hash of parts as lower-case letters and digits."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:length]


def child_name(run: str, uid: str, purpose: str, content: str) -> str:
    """Give the name of a ConfigMap of a run, by what is in it."""
    return f"{run[:40].rstrip('-.')}-{purpose}-{digest(uid, content)}"


def purpose_of(name: str) -> str:
    """Give the purpose in a name of `child_name`."""
    return name.rsplit("-", 2)[-2]
