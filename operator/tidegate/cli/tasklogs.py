"""`--log-of TASK=FILE`: the logs of some tasks as files, when a run has ended."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from tidegate.api.flow import Flow
from tidegate.cli import podlogs
from tidegate.cli.connection import Connection
from tidegate.engine.findings import nearest
from tidegate.errors import TidegateError, UsageError
from tidegate.kube.client import Object


def targets(texts: Iterable[str], flow: Flow) -> dict[str, Path]:
    """Read the options.

    Raises:
        UsageError: one is no TASK=FILE, its task does not exist, or its file cannot be written.
    """
    found = {}
    names = [task.name for task in flow.spec.tasks]
    for text in texts:
        task, equals, file = text.partition("=")
        if not equals or not file:
            raise UsageError(f"--log-of {text!r}: expected TASK=FILE")
        if task not in names:
            raise UsageError(f'--log-of {text}: the Flow has no task "{task}"{nearest(task, names)}')
        if not Path(file).parent.is_dir():
            raise UsageError(f"--log-of {text}: there is no folder {Path(file).parent}")
        found[task] = Path(file)
    return found


async def save(connection: Connection, run: Object, files: Mapping[str, Path]) -> list[str]:
    """Write the logs; give a sentence for each that could not be had."""
    missing = []
    for task, file in files.items():
        try:
            file.write_bytes(await _log_of(connection, run, task))
        except TidegateError as error:
            missing.append(str(error))
        except OSError as error:
            missing.append(f"{file}: {error.strerror}")
    return missing


async def _log_of(connection: Connection, run: Object, task: str) -> bytes:
    pods = podlogs.latest(run, await podlogs.pods_of(connection, run, task))
    if not pods:
        raise UsageError(podlogs.absence(run, task))
    return b"".join([chunk for pod in pods async for chunk in podlogs.read(connection, pod)])
