"""`tidegate dev`: the sandbox and the operator, for kubectl and for people, until Ctrl-C."""

import asyncio
import contextlib
from collections.abc import Sequence
from pathlib import Path

import click

from tidegate.cli import manifests, sources
from tidegate.cli.applying import apply_all, ensure_namespaces
from tidegate.cli.interrupts import interrupts, run
from tidegate.cli.operatorlogs import listen_to_operator

_FOLDER = Path(".tidegate")
_NAMESPACE = "default"


@click.command()
@click.argument("paths", nargs=-1, metavar="[PATH...]")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Port of the API server; by default a free one.")
@click.option("--hooks-port", type=click.IntRange(0, 65535), default=0, help="Port for events of webhooks; likewise.")
@click.option(
    "--data-dir", type=click.Path(path_type=Path, file_okay=False), help="Keep the state here; in memory by default."
)
@click.option("-v", "--verbose", is_flag=True, help="Show the operator's logs.")
def command(paths: tuple[str, ...], port: int, hooks_port: int, data_dir: Path | None, *, verbose: bool) -> None:
    """Serve a stand-in for a cluster on this machine, with the operator in it, and apply PATHs.

    A container becomes a process of this machine; no image is pulled. .tidegate/kubeconfig is the way to it.
    """
    documents = _judged(paths)
    listen_to_operator(verbose=verbose)
    with contextlib.suppress(asyncio.CancelledError):
        run(_serve(documents, port, hooks_port, data_dir))


def _judged(paths: Sequence[str]) -> manifests.Judgement:
    judgement = manifests.judge(sources.read(paths))
    judgement.demand_valid()
    return judgement


async def _serve(judgement: manifests.Judgement, port: int, hooks_port: int, data_dir: Path | None) -> None:
    from tidegate.cli.embedded import embedded, receiving  # noqa: PLC0415  a mistake is told before kopf is loaded

    kubeconfig = _prepare(_FOLDER)
    documents = [document.data for document in judgement.documents]
    with interrupts():
        try:
            async with (
                embedded(port=port, data_dir=data_dir, kubeconfig=kubeconfig) as here,
                receiving(here, port=hooks_port) as hooks,
            ):
                await ensure_namespaces(here.connection.client, documents, _NAMESPACE)
                for line in await apply_all(here.connection.client, documents, _NAMESPACE):
                    click.echo(line)
                click.echo(_instructions(here.url, hooks, kubeconfig, [name for _, name in judgement.flows]))
                await here.unless_broken(_for_ever())
        finally:
            kubeconfig.unlink(missing_ok=True)  # it leads nowhere any more


def _prepare(folder: Path) -> Path:
    """Make the folder for the kubeconfig, which holds a token: for its owner only, and not for git."""
    folder.mkdir(mode=0o700, exist_ok=True)
    (folder / ".gitignore").write_text("*\n", encoding="utf-8")
    return folder / "kubeconfig"


async def _for_ever() -> None:
    await asyncio.Event().wait()


def _instructions(url: str, hooks: int, kubeconfig: Path, flows: Sequence[str]) -> str:
    apply = [] if flows else ["  kubectl apply -f manifests/samples/hello.yaml"]
    lines = [
        f"Serving {url}; containers are processes of this machine. Ctrl-C ends it. In another terminal:",
        f"  export KUBECONFIG={kubeconfig.resolve()}",
        *apply,
        f"  tidegate run {flows[-1] if flows else 'hello'} --wait",
        "  kubectl get flows,flowruns",
        f"  curl http://127.0.0.1:{hooks}/hooks/{_NAMESPACE}/FLOW/TRIGGER ...   (docs/webhooks.md)",
        "  tidegate logs RUN",
    ]
    return "\n".join(lines)
