"""Finding out, once, by trying, whether containers can have a file system view of their own."""

import os
import tempfile
from pathlib import Path

from tidegate.sandbox.keeper.view import Mount, enter

_TARGET = "/tidegate-probe/a/b"


def isolation() -> str:
    """Give `root` or `user` for the kind of mount namespace that works here, `none` if no kind does."""
    with tempfile.TemporaryDirectory(prefix="tidegate-probe-") as directory:
        for kind in ("root", "user") if os.geteuid() == 0 else ("user",):
            if _works(directory, as_user=kind == "user"):
                return kind
    return "none"


def _works(directory: str, *, as_user: bool) -> bool:
    pid = os.fork()
    if pid == 0:
        os._exit(_try(directory, as_user=as_user))
    return os.waitpid(pid, 0)[1] == 0


def _try(directory: str, *, as_user: bool) -> int:
    source, staging = Path(directory) / "source", Path(directory) / "staging"
    for path in (source, staging):
        path.mkdir(exist_ok=True)
    try:
        enter([Mount(str(source), _TARGET, read_only=True)], str(staging), as_user=as_user)
        return 0 if Path(_TARGET).samefile(source) else 1
    except OSError:
        return 1
