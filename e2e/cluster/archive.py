"""Writes container images without Docker: archives as `docker save` makes them, from files of this machine."""

import hashlib
import io
import json
import platform
import tarfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


@dataclass(frozen=True)
class Entry:
    """One path of an image: a copy of `source`, or a file with `text`, or a symbolic link to `link`, or a folder."""

    path: str
    source: Path | None = None
    text: str | None = None
    link: str | None = None
    mode: int = 0o755


@dataclass(frozen=True)
class Image:
    """What to start when a container of this image does not say."""

    reference: str
    entrypoint: Sequence[str] = ()
    command: Sequence[str] = ()
    user: str = ""
    environment: Sequence[str] = ()


def tree(source: Path, destination: str, is_kept: Callable[[PurePosixPath], bool] = lambda _: True) -> Iterator[Entry]:
    """The files and links below a folder; `is_kept` is asked about each path relative to it, folders too."""
    for path in sorted(source.iterdir()):
        yield from _below(path, PurePosixPath(path.name), destination, is_kept)


def write_image(archive: Path, image: Image, layers: Sequence[Iterable[Entry]]) -> None:
    """Write the archive; later layers cover earlier ones. Layers that are equal are stored once on a node."""
    files = [_write_layer(archive.with_name(f"{archive.name}.{number}"), layer) for number, layer in enumerate(layers)]
    digests = [_sha256(file) for file in files]
    configuration = json.dumps(_configuration(image, digests)).encode()
    name = f"{hashlib.sha256(configuration).hexdigest()}.json"
    paths = [f"{digest}/layer.tar" for digest in digests]
    manifest = json.dumps([{"Config": name, "RepoTags": [image.reference], "Layers": paths}]).encode()
    with tarfile.open(archive, "w") as tar:
        for path, content in ((name, configuration), ("manifest.json", manifest)):
            _add_content(tar, path, content)
        for path, file in dict(zip(paths, files, strict=True)).items():
            tar.add(file, arcname=path)
    for file in files:
        file.unlink()


def _below(
    source: Path, relative: PurePosixPath, destination: str, is_kept: Callable[[PurePosixPath], bool]
) -> Iterator[Entry]:
    if not is_kept(relative):
        return
    if source.is_symlink():
        yield Entry(f"{destination}/{relative}", link=str(source.readlink()))
    elif source.is_dir():
        for child in sorted(source.iterdir()):
            yield from _below(child, relative / child.name, destination, is_kept)
    else:
        yield Entry(f"{destination}/{relative}", source=source)


def _write_layer(file: Path, entries: Iterable[Entry]) -> Path:
    folders: set[str] = set()
    with tarfile.open(file, "w") as tar:
        for entry in entries:
            for parent in reversed(PurePosixPath(entry.path.lstrip("/")).parents[:-1]):
                if str(parent) not in folders:
                    tar.addfile(_folder(str(parent), 0o755))
                    folders.add(str(parent))
            _add(tar, entry)
    return file


def _add(tar: tarfile.TarFile, entry: Entry) -> None:
    path = entry.path.lstrip("/")
    if entry.source:
        with entry.source.open("rb") as content:
            tar.addfile(_file(tar, entry.source, path), content)
    elif entry.text:
        _add_content(tar, path, entry.text.encode())
    elif entry.link:
        member = tarfile.TarInfo(path)
        member.type, member.linkname = tarfile.SYMTYPE, entry.link
        tar.addfile(member)
    else:
        tar.addfile(_folder(path, entry.mode))


def _add_content(tar: tarfile.TarFile, path: str, content: bytes) -> None:
    member = tarfile.TarInfo(path)
    member.size = len(content)
    tar.addfile(member, io.BytesIO(content))


def _file(tar: tarfile.TarFile, source: Path, path: str) -> tarfile.TarInfo:
    member = tar.gettarinfo(source.resolve(), arcname=path)
    # Readable for every user of the container, whatever the umask of the one who built this.
    member.mode = 0o755 if member.mode & 0o100 else 0o644
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    # The time stays, in whole seconds: Python compares it with the one in the compiled file beside it.
    member.mtime = int(member.mtime)
    member.type = tarfile.REGTYPE
    member.size = source.stat().st_size
    return member


def _folder(path: str, mode: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(path)
    member.type, member.mode = tarfile.DIRTYPE, mode
    return member


def _sha256(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _configuration(image: Image, digests: Sequence[str]) -> dict[str, object]:
    path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    started = {"Entrypoint": list(image.entrypoint), "Cmd": list(image.command), "User": image.user}
    return {
        "architecture": ARCHITECTURES[platform.machine()],
        "os": "linux",
        "config": {"Env": [path, *image.environment], **{key: value for key, value in started.items() if value}},
        "history": [{}] * len(digests),
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}" for digest in digests]},
    }
