"""The commands: `python3 -m e2e.cluster --help`, in the project's folder."""

import argparse
import sys
import time

from . import lifecycle, registry
from .binaries import binaries, helm, pinned_versions
from .errors import exit_code
from .images import BUILDERS, archive_of, base_images
from .layout import DEFAULT_QPS
from .prerequisites import ensure_packages


def main(arguments: list[str]) -> int:
    """Run one command; the exit code is 0, 1 when it failed, 2 for a mistake on the command line."""
    options = _parser().parse_args(arguments)
    return exit_code(lambda: options.run(options), "e2e.cluster")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python3 -m e2e.cluster", description="A real Kubernetes without Docker.")
    subcommands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run: object, text: str, *, named: bool = True) -> argparse.ArgumentParser:
        subparser = subcommands.add_parser(name, help=text, description=text)
        subparser.set_defaults(run=run)
        if named:
            subparser.add_argument("--name", default="tidegate", help="which cluster (default: tidegate)")
        return subparser

    command("build", _build, "build programs and images that are not in the cache", named=False)
    start = command("up", _up, "start a cluster and wait until its node is Ready")
    start.add_argument("--qps", type=int, default=DEFAULT_QPS, help="of the controllers; 0: Kubernetes' own default")
    start.add_argument("--arg", action="append", default=[], metavar="DAEMON=ARG", help="one more argument of a daemon")
    command("down", _down, "kill all processes of a cluster and delete what it left")
    killing = command("kill", _kill, "end a daemon with SIGKILL; it is started again at once")
    killing.add_argument("daemon", help="etcd, apiserver, kcm, scheduler, proxy, dns, containerd or kubelet")
    command("env", _env, "print KUBECONFIG for a shell")
    load = command("load", _load, "put images on the node")
    load.add_argument("image", nargs="+", help=f"an archive, or one of {', '.join(BUILDERS)} (built when needed)")
    image = command("image", _image, "build an image when needed and print the path of its archive", named=False)
    image.add_argument("image", choices=list(BUILDERS))
    command("list", _list, "say which clusters there are", named=False)
    command("versions", _versions, "say which versions are built, and how they are set up", named=False)
    command("path", _path, "print the folder of the programs, built when needed", named=False)
    command("helm", _helm, "print the path of the program helm, built when needed", named=False)
    return parser


def _build(_: argparse.Namespace) -> None:
    ensure_packages()
    print(binaries())
    for image in base_images():
        print(image)


def _up(options: argparse.Namespace) -> None:
    start = time.monotonic()
    cluster = lifecycle.up(options.name, options.qps, options.arg)
    print(f"node {cluster.node} is Ready, {time.monotonic() - start:.1f} s", file=sys.stderr)
    print(f"export KUBECONFIG={cluster.kubeconfig}")


def _down(options: argparse.Namespace) -> None:
    for cluster in registry.known():
        if cluster.name == options.name:
            lifecycle.down(cluster)


def _kill(options: argparse.Namespace) -> None:
    lifecycle.kill(registry.find(options.name), options.daemon)


def _env(options: argparse.Namespace) -> None:
    print(f"export KUBECONFIG={registry.find(options.name).kubeconfig}")


def _load(options: argparse.Namespace) -> None:
    cluster = registry.find(options.name)
    lifecycle.load(cluster, [archive_of(image) for image in options.image])


def _image(options: argparse.Namespace) -> None:
    print(BUILDERS[options.image][1]())


def _list(_: argparse.Namespace) -> None:
    for cluster in registry.known():
        state = "running" if lifecycle.is_running(cluster) else "not running"
        print(f"{cluster.name}\t{state}\t{cluster.url}\t{cluster.folder}")


def _versions(_: argparse.Namespace) -> None:
    components = ", ".join(f"{component} {version}" for component, version in pinned_versions().items())
    print(f"{components}; controller manager at {DEFAULT_QPS} QPS")


def _helm(_: argparse.Namespace) -> None:
    print(helm())


def _path(_: argparse.Namespace) -> None:
    print(binaries())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
