"""The environment of a container: a clean one, then `envFrom`, then `env`, each able to use what came before."""

from typing import Any

from tidegate.sandbox.expansion import expand
from tidegate.sandbox.podfields import REFERENCES, NotRunnable, Objects, content_of, field_of, value_of


def environment_of(
    container: dict[str, Any], pod: dict[str, Any], objects: Objects, *, path: str, home: str
) -> dict[str, str]:
    """Give all variables of `container`.

    Args:
        container: its spec, from `pod`.
        pod: the whole pod, for `fieldRef`.
        objects: where ConfigMaps and Secrets are read.
        path: the value of PATH.
        home: the container's working directory on this machine, the value of HOME.

    Raises:
        Missing: a ConfigMap, Secret or key is not there (yet).
        NotRunnable: a reference that the sandbox does not know.
    """
    given = _inherited(container, pod, objects)
    for entry in container.get("env") or ():
        value = _value(entry, pod, objects, given)
        if value is not None:
            given[entry["name"]] = value
    host = pod["spec"].get("hostname") or pod["metadata"]["name"]
    return {"PATH": path, "HOME": home, "HOSTNAME": host, "LANG": "C.UTF-8"} | given


def _inherited(container: dict[str, Any], pod: dict[str, Any], objects: Objects) -> dict[str, str]:
    values: dict[str, str] = {}
    for source in container.get("envFrom") or ():
        for field, kind in REFERENCES:
            reference = source.get(f"{field}Ref")
            if reference:
                optional = bool(reference.get("optional"))
                namespace = pod["metadata"]["namespace"]
                content = content_of(objects, kind, namespace, reference["name"], optional=optional) or {}
                prefix = source.get("prefix", "")
                values |= {prefix + key: value.decode(errors="replace") for key, value in content.items()}
    return values


def _value(entry: dict[str, Any], pod: dict[str, Any], objects: Objects, given: dict[str, str]) -> str | None:
    source = entry.get("valueFrom")
    if not source:
        return expand(entry.get("value") or "", given)
    if "fieldRef" in source:
        return field_of(pod, source["fieldRef"]["fieldPath"])
    for field, kind in REFERENCES:
        if f"{field}KeyRef" in source:
            return value_of(objects, kind, pod["metadata"]["namespace"], source[f"{field}KeyRef"])
    raise NotRunnable(
        f"env {entry['name']}: the sandbox knows valueFrom configMapKeyRef, secretKeyRef and fieldRef,"
        f" not {', '.join(source)}: give a value"
    )
