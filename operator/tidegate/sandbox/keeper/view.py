"""The file system as one container sees it: the machine's own, with the container's mounts laid over it.

Everything happens in a private mount namespace. A mount point that the machine lacks is never created on it:
the nearest directory that exists is covered by a stand-in in memory that shows the same entries and can take
new ones. For the root directory the stand-in becomes the process's root.
"""

import contextlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from tidegate.sandbox.keeper import linux

_ROOT = Path("/")


class Mount(NamedTuple):
    """`source`, a file or directory, appears at the absolute path `target`."""

    source: str
    target: str
    read_only: bool = False


@dataclass
class _View:
    staging: Path
    """An empty directory that gets covered by memory, in this namespace only."""
    device: int = 0
    """The device number of that memory: what lies on it is ours to change."""
    stand_ins: int = 0
    attached: list[Path] = field(default_factory=list)


def enter(mounts: Sequence[Mount], staging: str, *, as_user: bool) -> None:
    """Leave the machine's mount namespace and attach `mounts`; raises OSError with the path in question."""
    linux.leave_mount_namespace(as_user=as_user)
    linux.mount_memory(staging)
    view = _View(_held(staging), Path(staging).stat().st_dev)
    ordered = sorted(mounts, key=lambda mount: mount.target.count("/"))
    sources = [_held(mount.source) for mount in ordered]
    if any(_standing(Path(os.path.realpath(mount.target))) == _ROOT for mount in ordered):
        os.chroot(_stand_in(view, _ROOT))
        os.chdir("/")
    for mount, source in zip(ordered, sources, strict=True):
        view.attached.append(_attach(view, source, Path(os.path.realpath(mount.target))))
    for mount, target in zip(ordered, view.attached, strict=True):
        if mount.read_only:
            linux.make_read_only(str(target))


def _held(path: str) -> Path:
    """Give a path by which we reach `path` also when a mount has hidden it."""
    return Path(f"/proc/self/fd/{os.open(path, os.O_PATH | os.O_CLOEXEC)}")


def _attach(view: _View, source: Path, target: Path) -> Path:
    is_directory = source.is_dir()
    if not target.exists() or target.is_dir() != is_directory:
        _make_point(view, target, is_directory=is_directory)
    linux.bind(str(source), str(target))
    return target


def _make_point(view: _View, target: Path, *, is_directory: bool) -> None:
    standing = _standing(target)
    if not _is_ours(view, standing):
        linux.bind(str(_stand_in(view, standing, without=target)), str(standing))
    (target if is_directory else target.parent).mkdir(parents=True, exist_ok=True)
    if not is_directory:
        target.touch()


def _standing(path: Path) -> Path:
    """Give the nearest directory above `path` that exists."""
    return next(above for above in path.parents if above.is_dir())


def _is_ours(view: _View, directory: Path) -> bool:
    if directory.stat().st_dev == view.device:
        return True
    return any(directory.is_relative_to(target) for target in view.attached)


def _stand_in(view: _View, directory: Path, without: Path | None = None) -> Path:
    view.stand_ins += 1
    copy = view.staging / str(view.stand_ins)
    copy.mkdir()
    for entry in directory.iterdir():
        if entry != without:
            _show(entry, copy / entry.name)
    copy.chmod(directory.stat().st_mode & 0o7777)
    return copy


def _show(entry: Path, point: Path) -> None:
    if entry.is_symlink():
        point.symlink_to(entry.readlink())
        return
    if entry.is_dir():
        point.mkdir()
    else:
        point.touch()
    # Another user's FUSE mount cannot be bound: an empty place is also what we would see of the original.
    with contextlib.suppress(OSError):
        linux.bind(str(entry), str(point))
