"""The few Linux calls that Python 3.11 has no name for."""

import ctypes
import os
import signal

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_CLONE_NEWNS = 0x00020000
_CLONE_NEWUSER = 0x10000000
_MS_RDONLY, _MS_NOSUID, _MS_NODEV, _MS_NOEXEC = 1, 2, 4, 8
_MS_REMOUNT, _MS_NOATIME, _MS_NODIRATIME = 32, 1024, 2048
_MS_BIND, _MS_REC, _MS_PRIVATE, _MS_RELATIME = 4096, 16384, 1 << 18, 1 << 21
_ST_RELATIME = 4096

_libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent(parent: int, number: int = signal.SIGKILL) -> None:
    """Have the kernel send us `number` when `parent`, our parent, dies; at once if it is dead already."""
    _check(_libc.prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0), "prctl")
    if os.getppid() != parent:
        os.kill(os.getpid(), number)


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent dies."""
    _check(_libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), "prctl")


def leave_mount_namespace(*, as_user: bool) -> None:
    """Give this process a private view of the file system; `as_user` through a user namespace, with our own ids kept.

    Raises OSError where the kernel or its administrator does not allow that.
    """
    uid, gid = os.geteuid(), os.getegid()
    _check(_libc.unshare(_CLONE_NEWNS | (_CLONE_NEWUSER if as_user else 0)), "unshare")
    if as_user:
        _write("/proc/self/setgroups", "deny")
        _write("/proc/self/uid_map", f"{uid} {uid} 1")
        _write("/proc/self/gid_map", f"{gid} {gid} 1")
    _mount(None, "/", None, _MS_REC | _MS_PRIVATE)


def bind(source: str, target: str) -> None:
    """Show `source`, with all that is mounted below it, at `target` too."""
    _mount(source, target, None, _MS_BIND | _MS_REC)


def make_read_only(target: str) -> None:
    """Forbid writing below a bind mount, keeping the restrictions it already has (we may not lift them)."""
    has = os.statvfs(target).f_flag
    kept = has & (_MS_NOSUID | _MS_NODEV | _MS_NOEXEC | _MS_NOATIME | _MS_NODIRATIME)
    kept |= _MS_RELATIME if has & _ST_RELATIME else 0
    _mount(None, target, None, _MS_REMOUNT | _MS_BIND | _MS_RDONLY | kept)


def mount_memory(target: str) -> None:
    """Mount an empty tmpfs at `target`."""
    _mount("tmpfs", target, "tmpfs", 0)


def _mount(source: str | None, target: str, kind: str | None, flags: int) -> None:
    encoded = [None if text is None else os.fsencode(text) for text in (source, target, kind)]
    _check(_libc.mount(*encoded, ctypes.c_ulong(flags), None), f"mount {target}")


def _write(path: str, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY)
    try:
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)


def _check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), what)
