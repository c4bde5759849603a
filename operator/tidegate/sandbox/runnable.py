"""What of a pod the sandbox cannot run as local processes: said before anything starts, never by hanging."""

from typing import Any

_VOLUMES = ("configMap", "secret", "emptyDir", "projected", "downwardAPI")


def refusal_of(pod: dict[str, Any]) -> str | None:
    """Give a sentence for the first thing of `pod` that cannot be run here, None if all can."""
    spec = pod["spec"]
    restart = spec.get("restartPolicy", "Always")
    if restart != "Never":
        return f"restartPolicy {restart}: the sandbox runs pods that end, once: set restartPolicy: Never"
    for container in spec.get("initContainers") or ():
        if container.get("restartPolicy"):
            return (
                f"init container {container['name']} has restartPolicy {container['restartPolicy']}:"
                " the sandbox runs no sidecars: run this task in a cluster, or leave the sidecar out"
            )
    return next(filter(None, (*map(_container, _containers(spec)), *map(_volume, spec.get("volumes") or ()))), None)


def _containers(spec: dict[str, Any]) -> list[dict[str, Any]]:
    return [*(spec.get("initContainers") or ()), *(spec.get("containers") or ())]


def _container(container: dict[str, Any]) -> str | None:
    if container.get("command"):
        return None
    image = container.get("image") or "of no name"
    return (
        f"container {container['name']} has no command: image {image} would have to be started by its own"
        " entrypoint, and the sandbox runs no images, only commands of this machine: give `command`"
    )


def _volume(volume: dict[str, Any]) -> str | None:
    kinds = [field for field in volume if field != "name"] or ["emptyDir"]
    if kinds[0] in _VOLUMES:
        return None
    return f"volume {volume['name']} is a {kinds[0]}: the sandbox has only {', '.join(_VOLUMES)}"
