"""The parent of one container's processes: starts the command, writes its log, and leaves nothing behind.

A container has ended when its first process has; whatever that one left running is killed then, as the kernel
does with the rest of a pid namespace. When our own parent dies, everything here dies.
"""

import contextlib
import os
import select
import signal
from typing import NoReturn

from tidegate.sandbox.keeper import family, linux
from tidegate.sandbox.keeper.logfile import LogFile
from tidegate.sandbox.keeper.orders import Order, not_executable, refusal, report
from tidegate.sandbox.keeper.view import enter

END, KILL = signal.SIGTERM, signal.SIGUSR1
"""What the keeper sends us: end politely, end by force."""

WATCHED = {END, KILL, signal.SIGCHLD}
_CHUNK = 65_536


def run(order: Order, parent: int) -> NoReturn:
    """Run `order` to its end and exit. Called right after the fork, with the watched signals blocked."""
    signals = hear_signals()
    linux.die_with_parent(parent, KILL)
    linux.adopt_orphans()
    output, output_end = os.pipe()
    failure, failure_end = os.pipe()
    pid = os.fork()
    if pid == 0:
        _become(order, output_end, failure_end)
    os.close(output_end)
    os.close(failure_end)
    with LogFile(order.log) as log:
        why = os.read(failure, _CHUNK)
        if why:
            family.end_all()
            report(id=order.id, refused=why.decode(errors="replace"))
        else:
            report(id=order.id, started=pid)
            report(id=order.id, ended=_watch(pid, output, signals, log))
    os._exit(0)


def hear_signals() -> int:
    """Have each watched signal arrive as a byte in a pipe; gives the end to read."""
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing)
    for number in WATCHED:
        signal.signal(number, lambda _number, _frame: None)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, WATCHED)
    return reading


def _watch(pid: int, output: int, signals: int, log: LogFile) -> int:
    """Serve until the first process has ended; gives its exit code as a shell counts: 128 + n after signal n."""
    poll = select.poll()
    poll.register(output, select.POLLIN)
    poll.register(signals, select.POLLIN)
    code = None
    while code is None:
        ready = {descriptor for descriptor, _ in poll.poll()}
        if output in ready and not _copy(output, log):
            poll.unregister(output)
        if signals in ready:
            code = _obey(os.read(signals, _CHUNK), pid)
    family.end_all()
    _copy_rest(output, log)
    return code


def _copy(output: int, log: LogFile) -> bool:
    chunk = os.read(output, _CHUNK)
    if chunk:
        log.add(chunk)
    return bool(chunk)


def _copy_rest(output: int, log: LogFile) -> None:
    os.set_blocking(output, False)  # a process that could not be killed may still hold the other end
    with contextlib.suppress(BlockingIOError):
        while _copy(output, log):
            pass


def _obey(numbers: bytes, pid: int) -> int | None:
    if END in numbers:
        _signal_group(pid, signal.SIGTERM)
    if KILL in numbers:
        _signal_group(pid, signal.SIGKILL)
    return _reap(pid)


def _signal_group(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def _reap(first: int) -> int | None:
    """Collect who has died; gives the first process's exit code if it was among them."""
    code = None
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return code
        if pid == 0:
            return code
        if pid == first:
            ending = os.waitstatus_to_exitcode(status)
            code = 128 - ending if ending < 0 else ending


def _become(order: Order, output: int, failure: int) -> NoReturn:
    """Turn this process into the container's first, or write to `failure` why that is impossible."""
    parent = os.getppid()
    try:
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGPIPE, signal.SIGXFSZ, *WATCHED):
            signal.signal(number, signal.SIG_DFL)
        os.setsid()
        _connect(output)
        if order.mounts:
            enter(order.mounts, order.staging, as_user=order.as_user)
        linux.die_with_parent(parent)  # after the namespace: a change of credentials may undo it
        os.chdir(order.directory)
    except OSError as error:
        os.write(failure, refusal(error))
        os._exit(127)
    try:
        os.execvpe(order.argv[0], order.argv, order.env)  # noqa: S606 - the container's command, run without a shell
    except (OSError, ValueError) as error:
        os.write(failure, not_executable(order.argv[0], error))
    os._exit(127)


def _connect(output: int) -> None:
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (output, 1), (output, 2)):
        os.dup2(source, target)
