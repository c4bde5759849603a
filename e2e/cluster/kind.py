"""The part of kind's command line that pytest-kind and simple scripts use, for clusters of this folder."""

import argparse
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from . import lifecycle, registry
from .binaries import pinned_versions
from .errors import ClusterError, exit_code
from .images import archive_of
from .layout import Cluster

IGNORED = ("config", "image", "wait")


def main(arguments: list[str]) -> int:
    """Run one command as kind would."""
    options = _parser().parse_args(arguments)
    return exit_code(lambda: options.run(options), "ERROR")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="kind", description=__doc__)
    parser.add_argument("-q", "--quiet", action="store_true")
    verbs = parser.add_subparsers(required=True, metavar="COMMAND")

    def group(verb: str, **commands: Callable[[argparse.Namespace], None]) -> None:
        nouns = verbs.add_parser(verb).add_subparsers(required=True, metavar="WHAT")
        for noun, run in commands.items():
            parser = nouns.add_parser(noun.replace("_", "-"))
            parser.add_argument("-n", "--name", default=os.environ.get("KIND_CLUSTER_NAME", "kind"))
            parser.add_argument("--kubeconfig", type=Path)
            if verb == "load":
                parser.add_argument("images", nargs="+")
            for option in IGNORED if verb == "create" else ():
                parser.add_argument(f"--{option}")
            parser.set_defaults(run=run)

    group("create", cluster=_create)
    group("delete", cluster=_delete)
    group("export", kubeconfig=_export)
    group("get", clusters=_clusters, kubeconfig=_kubeconfig, nodes=_nodes)
    group("load", docker_image=_load, image_archive=_load)
    verbs.add_parser("version").set_defaults(run=_version)
    return parser


def _running() -> list[Cluster]:
    return [cluster for cluster in registry.known() if lifecycle.is_running(cluster)]


def _create(options: argparse.Namespace) -> None:
    if options.name in [cluster.name for cluster in _running()]:
        raise ClusterError(
            f'failed to create cluster: node(s) already exist for a cluster with the name "{options.name}"'
        )
    for option in IGNORED:
        if getattr(options, option):
            print(f"--{option} {getattr(options, option)} has no effect: no Docker here", file=sys.stderr)
    cluster = lifecycle.up(options.name)
    if options.kubeconfig:
        _copy_kubeconfig(cluster, options.kubeconfig)
    else:
        print(f"export KUBECONFIG={cluster.kubeconfig}")


def _delete(options: argparse.Namespace) -> None:
    for cluster in registry.known():
        if cluster.name == options.name:
            lifecycle.down(cluster)


def _export(options: argparse.Namespace) -> None:
    if not options.kubeconfig:
        raise ClusterError(
            "export kubeconfig: give --kubeconfig FILE; files are replaced here, not merged as kind does"
        )
    _copy_kubeconfig(registry.find(options.name), options.kubeconfig)


def _copy_kubeconfig(cluster: Cluster, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(cluster.kubeconfig, target)


def _clusters(_: argparse.Namespace) -> None:
    print("\n".join(cluster.name for cluster in _running()) or "No kind clusters found.")


def _kubeconfig(options: argparse.Namespace) -> None:
    print(registry.find(options.name).kubeconfig.read_text())


def _nodes(options: argparse.Namespace) -> None:
    print(registry.find(options.name).node)


def _load(options: argparse.Namespace) -> None:
    lifecycle.load(registry.find(options.name), [archive_of(image) for image in options.images])


def _version(_: argparse.Namespace) -> None:
    print(f"kind's command line over tidegate's e2e.cluster, Kubernetes {pinned_versions()['kubernetes']}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
