"""The commands as processes of their own: how people start, interrupt and leave them."""

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

SECONDS = 60


def environment(**more):
    """Give this process's environment without any way to a cluster."""
    return {key: value for key, value in os.environ.items() if key != "KUBECONFIG"} | more


def start(*args, cwd=None, **env):
    """Start `tidegate` with pipes for what it prints."""
    command = [sys.executable, "-m", "tidegate", *map(str, args)]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, cwd=cwd, env=environment(**env))


def finish(process):
    """Wait for the end; give (exit code, stdout, stderr)."""
    try:
        stdout, stderr = process.communicate(timeout=SECONDS)
    finally:
        process.kill()
    return process.returncode, stdout, stderr


def tidegate(*args, cwd=None, **env):
    """Run `tidegate` to its end; give (exit code, stdout, stderr)."""
    return finish(start(*args, cwd=cwd, **env))


def await_line(stream, beginning):
    """Read up to the line that begins so; give what was read."""
    read = []
    for line in stream:
        read.append(line)
        if line.startswith(beginning):
            return "".join(read)
    raise AssertionError(f"no line begins with {beginning!r}: {''.join(read)}")


def interrupt(process):
    """Press Ctrl-C."""
    process.send_signal(signal.SIGINT)


def processes_with(marker):
    """Give the ids of the processes of this machine in whose command line the marker is."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if marker.encode() in (folder / "cmdline").read_bytes():
                found.append(int(folder.name))
        except OSError:  # it ended meanwhile
            continue
    return found


@contextlib.contextmanager
def served(folder, *args):
    """Serve a sandbox by `tidegate dev` in a folder; give its process and the path of the kubeconfig."""
    process = start("dev", *args, cwd=folder, PYTHONUNBUFFERED="1")
    try:
        await_line(process.stdout, "  tidegate logs")
        yield process, folder / ".tidegate" / "kubeconfig"
    finally:
        if process.poll() is None:
            interrupt(process)
            finish(process)
