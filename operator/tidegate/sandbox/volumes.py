"""Volumes as directories: a pod's configMap, secret, emptyDir, projected and downwardAPI volumes.

Contents are as they were when the pod started; later changes of a ConfigMap do not reach a running pod here.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from tidegate.sandbox.podfields import REFERENCES, Missing, NotRunnable, Objects, content_of, field_of
from tidegate.sandbox.volume_parts import Parts

_DEFAULT_MODE = 0o644


class _File(NamedTuple):
    path: str
    content: bytes
    mode: int


def fill_volumes(pod: dict[str, Any], objects: Objects, directory: Path, parts: Parts) -> None:
    """Make a directory of each volume's name below `directory`, with its files; of those in `parts` only these.

    Raises:
        Missing: a ConfigMap, Secret or key is not there (yet); what was made so far may be made again.
        NotRunnable: a source that the sandbox does not know, or a path that leaves the volume.
    """
    for volume in pod["spec"].get("volumes") or ():
        place = directory / volume["name"]
        try:
            files = list(_files(volume, pod, objects))
        except Missing as missing:
            raise Missing(f'MountVolume.SetUp failed for volume "{volume["name"]}" : {missing}') from None
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        if "emptyDir" in volume:
            place.chmod(0o777)
        shown = parts.get(volume["name"])
        for file in files:
            if shown is None or _is_shown(file.path, shown):
                _write(place, file)


def _is_shown(path: str, parts: frozenset[str]) -> bool:
    return path in parts or any(path.startswith(f"{part}/") for part in parts)


def _files(volume: dict[str, Any], pod: dict[str, Any], objects: Objects) -> Iterator[_File]:
    if "projected" in volume:
        projected = volume["projected"]
        for source in projected.get("sources") or ():
            yield from _source(source, projected.get("defaultMode", _DEFAULT_MODE), pod, objects)
    else:
        kind = next((field for field in volume if field != "name"), "emptyDir")
        spec: dict[str, Any] = volume.get(kind) or {}
        yield from _source(volume, spec.get("defaultMode", _DEFAULT_MODE), pod, objects)


def _source(source: dict[str, Any], mode: int, pod: dict[str, Any], objects: Objects) -> Iterator[_File]:
    for field, kind in REFERENCES:
        if field in source:
            spec = source[field]
            name, optional = spec.get("name") or spec.get("secretName"), bool(spec.get("optional"))
            content = content_of(objects, kind, pod["metadata"]["namespace"], name, optional=optional)
            yield from _selected(content or {}, spec, mode, field, optional=optional)
            return
    if "downwardAPI" in source:
        for item in source["downwardAPI"].get("items") or ():
            if "fieldRef" not in item:
                raise NotRunnable(f"downwardAPI {item['path']}: the sandbox knows fieldRef only")
            text = field_of(pod, item["fieldRef"]["fieldPath"])
            yield _File(PurePosixPath(item["path"]).as_posix(), text.encode(), item.get("mode") or mode)
    elif "emptyDir" not in source and set(source) - {"name"}:
        raise NotRunnable(f"the sandbox has no {', '.join(set(source) - {'name'})} in volumes")


def _selected(
    content: dict[str, bytes], spec: dict[str, Any], mode: int, field: str, *, optional: bool
) -> Iterator[_File]:
    everything: list[dict[str, Any]] = [{"key": key, "path": key} for key in content]
    items = spec.get("items")
    for item in everything if items is None else items:
        if item["key"] in content:
            path = item["path"] if items is None else PurePosixPath(item["path"]).as_posix()
            yield _File(path, content[item["key"]], item.get("mode") or mode)
        elif not optional:
            what = (
                "configmap references non-existent config" if field == "configMap" else "references non-existent secret"
            )
            raise Missing(f"{what} key: {item['key']}")


def _write(place: Path, file: _File) -> None:
    inside = PurePosixPath(file.path)
    if inside.is_absolute() or ".." in inside.parts:
        raise NotRunnable(f"path {file.path!r} leads out of its volume: it must be relative, without '..'")
    target = place / inside
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(file.content)
    target.chmod(file.mode)
