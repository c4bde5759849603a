"""What was built is kept by a hash of what it was built from, and appears there only when it is complete."""

import fcntl
import hashlib
import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

UNUSED_SECONDS = 2 * 24 * 3600


def cache_folder() -> Path:
    """`$TIDEGATE_CACHE`, or `~/.cache/tidegate`."""
    return Path(os.environ.get("TIDEGATE_CACHE") or Path.home() / ".cache" / "tidegate").absolute()


def key_of(parts: Iterable[str | Path]) -> str:
    """A hash of texts, and of files with their names: what something is built from."""
    digest = hashlib.sha256()
    for part in parts:
        content = part.read_bytes() if isinstance(part, Path) else part.encode()
        name = part.name if isinstance(part, Path) else ""
        digest.update(f"{name} {len(content)}\n".encode() + content)
    return digest.hexdigest()[:16]


def cached(name: str, key: str, build: Callable[[Path], None], suffix: str = "") -> Path:
    """The file or folder `name-key` of the cache; when it is missing, `build(path)` makes it first.

    It is built beside its place and then renamed: an interrupted build leaves nothing that could be taken for a whole
    one. A second process waits for the first and finds its result.
    """
    target = cache_folder() / f"{name}-{key}{suffix}"
    target.parent.mkdir(parents=True, exist_ok=True)
    with locked(cache_folder() / f".{name}.lock"):
        if not target.exists():
            for abandoned in cache_folder().glob(f".building-{name}-*"):
                remove(abandoned)
            building = cache_folder() / f".building-{name}-{key}{suffix}"
            build(building)
            building.rename(target)
            _remove_unused(name, suffix)
        os.utime(target)
    return target


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock between processes; it ends with the process that holds it, however that ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def remove(path: Path) -> None:
    """Delete a file or a folder; what is not there is fine, also what somebody else deletes meanwhile."""
    while path.is_dir() and not path.is_symlink():
        with suppress(FileNotFoundError):  # each time there is less, so this ends
            shutil.rmtree(path)
    path.unlink(missing_ok=True)


def _remove_unused(name: str, suffix: str) -> None:
    """Older versions that nobody has asked for in a while: each weighs a hundred megabytes or more."""
    for path in cache_folder().glob(f"{name}-{'?' * 16}{suffix}"):
        if time.time() - path.stat().st_mtime > UNUSED_SECONDS:
            remove(path)
