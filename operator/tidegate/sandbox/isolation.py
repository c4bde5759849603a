"""Where a container's paths lie on this machine: by mounts of its own where the machine allows it, else by renaming.

The rules, in short:

- A relative mount path or working directory lies below the container's working directory (as a link).
- With mount namespaces, absolute mount paths, working directories that the machine lacks and the termination
  message path are exactly where the manifest says, for this container only.
- Without them, paths under `/tidegate` and the termination message path are replaced by the real ones wherever
  they stand in the command, the arguments and the environment; other absolute paths are refused. A path inside a
  script is not found by that: use the environment there, e.g. `$TIDEGATE_OUTPUT`.
- The termination message path needs no namespace if an environment variable *is* that path and nothing else
  mentions it: that variable is replaced, which starts the process faster.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from tidegate.sandbox.expansion import expand, unknown
from tidegate.sandbox.keeper.view import Mount
from tidegate.sandbox.podfields import Missing, NotRunnable

OURS = PurePosixPath("/tidegate")
DEFAULT_MESSAGE_PATH = "/dev/termination-log"
_BEFORE, _AFTER = r"(?<![\w./-])", r"(?![\w.-])"


@dataclass(frozen=True, slots=True)
class Places:
    """The directories of one container on this machine."""

    pod: Path

    container: str

    @property
    def volumes(self) -> Path:
        """The pod's volumes, by name."""
        return self.pod / "volumes"

    @property
    def own(self) -> Path:
        """All that belongs to this container."""
        return self.pod / "containers" / self.container

    @property
    def work(self) -> Path:
        """Its working directory and HOME."""
        return self.own / "work"

    @property
    def message(self) -> Path:
        """The file behind the termination message path."""
        return self.own / "message"

    @property
    def log(self) -> Path:
        """What it prints."""
        return self.own / "log"

    @property
    def staging(self) -> Path:
        """An empty directory for the mount namespace."""
        return self.own / "staging"

    @property
    def renamed(self) -> Path:
        """Stands for `/` where paths are replaced."""
        return self.own / "renamed"


@dataclass(frozen=True, slots=True)
class Launch:
    """What to start, where, with which mounts."""

    argv: tuple[str, ...]
    env: Mapping[str, str]
    directory: str
    mounts: tuple[Mount, ...] = ()


def launch_of(
    container: dict[str, Any], env: Mapping[str, str], places: Places, root: Path, *, namespaces: bool
) -> Launch:
    """Prepare the container's places and give its start; raises NotRunnable for a path that cannot be had."""
    argv = tuple(expand(word, env) for word in (*container["command"], *(container.get("args") or ())))
    launch = Launch(argv, env, str(places.work))
    mounts = [_mount(mount, env, places) for mount in container.get("volumeMounts") or ()]
    absolute = [mount for mount in mounts if mount.target.startswith("/")]
    for mount in mounts:
        if mount not in absolute:
            _link(places.work, PurePosixPath(mount.target), Path(mount.source))
    working = expand(container.get("workingDir") or "", env)
    message = container.get("terminationMessagePath") or DEFAULT_MESSAGE_PATH
    if namespaces:
        launch = _in_namespace(launch, absolute, working, message, places, root)
    else:
        launch = _renamed(launch, absolute, working, message, places)
    if working and not working.startswith("/"):
        _inside(working)
        (places.work / working).mkdir(parents=True, exist_ok=True)
        launch = replace(launch, directory=str(places.work / working))
    return launch


def _in_namespace(
    launch: Launch, mounts: list[Mount], working: str, message: str, places: Places, root: Path
) -> Launch:
    if working.startswith("/"):
        if not Path(working).is_dir() and not any(_lies_in(working, mount.target) for mount in mounts):
            private = places.own / "directory"
            private.mkdir(exist_ok=True)
            mounts = [*mounts, Mount(str(private), working)]
        launch = replace(launch, directory=working)
    if not mounts and not _mentions(launch, message):
        return launch
    quick = _with_message_renamed(launch, message, places)
    if not mounts and not _mentions(quick, message):
        return quick
    mounts = [*mounts, Mount(str(places.message), message)]
    if any(_lies_in(str(root), mount.target) for mount in mounts):
        mounts.append(Mount(str(root), str(root)))  # a mount would hide our own directories
    return replace(launch, mounts=tuple(mounts))


def _renamed(launch: Launch, mounts: list[Mount], working: str, message: str, places: Places) -> Launch:
    for mount in mounts:
        _check_renamable(mount.target, "mountPath")
        _link(places.renamed, PurePosixPath(mount.target.lstrip("/")), Path(mount.source))
    _link(places.renamed, PurePosixPath(message.lstrip("/")), places.message)
    paths = [*(mount.target for mount in mounts), message]
    if working.startswith("/"):
        _check_renamable(working, "workingDir")
        (places.renamed / working.lstrip("/")).mkdir(parents=True, exist_ok=True)
        paths.append(working)
        launch = replace(launch, directory=str(places.renamed / working.lstrip("/")))
    pattern = _pattern(paths)
    return replace(
        launch,
        argv=tuple(_rename(word, pattern, places) for word in launch.argv),
        env={name: _rename(value, pattern, places) for name, value in launch.env.items()},
    )


def _check_renamable(path: str, field: str) -> None:
    if not PurePosixPath(path).is_relative_to(OURS):
        raise NotRunnable(
            f"{field} {path} lies outside of the working directory, and this machine allows no mount namespaces:"
            f" use a relative path or one under {OURS}, or run this in a cluster"
        )


def _with_message_renamed(launch: Launch, message: str, places: Places) -> Launch:
    real = str(places.message)
    return replace(launch, env={name: real if value == message else value for name, value in launch.env.items()})


def _mentions(launch: Launch, path: str) -> bool:
    return any(path in text for text in (*launch.argv, *launch.env.values()))


def _pattern(paths: Sequence[str]) -> re.Pattern[str]:
    longest_first = sorted(paths, key=len, reverse=True)
    return re.compile(f"{_BEFORE}(?:{'|'.join(map(re.escape, longest_first))}){_AFTER}")


def _rename(text: str, pattern: re.Pattern[str], places: Places) -> str:
    return pattern.sub(lambda match: f"{places.renamed}{match[0]}", text)


def _mount(mount: dict[str, Any], env: Mapping[str, str], places: Places) -> Mount:
    source = places.volumes / mount["name"]
    if below := sub_path_of(mount, env):
        source = source / _inside(below)
        if not source.exists():
            source.mkdir(parents=True)  # as the kubelet does: a missing key is an empty directory
    target = mount["mountPath"].rstrip("/") or "/"
    if target == "/":
        raise NotRunnable(f"volume {mount['name']} is mounted at /: name a directory")
    if not target.startswith("/"):
        _inside(target)
    return Mount(str(source), target, bool(mount.get("readOnly")))


def sub_path_of(mount: dict[str, Any], env: Mapping[str, str]) -> str:
    """Give what of its volume a mount shows, empty for all; raises Missing for a name that is not in `env`."""
    text: str = mount.get("subPathExpr") or ""
    if not text:
        return mount.get("subPath") or ""
    if name := unknown(text, env):
        raise Missing(f"missing value for {name}")
    return expand(text, env)


def _inside(path: str) -> PurePosixPath:
    relative = PurePosixPath(path)
    if relative.is_absolute() or ".." in relative.parts:
        raise NotRunnable(f"path {path!r} leads out of its directory: it must be relative, without '..'")
    return relative


def _link(base: Path, path: PurePosixPath, source: Path) -> None:
    link = base / path
    link.parent.mkdir(parents=True, exist_ok=True)
    if not link.is_symlink():
        link.symlink_to(source)


def _lies_in(path: str, directory: str) -> bool:
    return PurePosixPath(path).is_relative_to(directory)
