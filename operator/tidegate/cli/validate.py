"""`tidegate validate`: says everything that is wrong with manifests, and needs no cluster for it."""

import json
from dataclasses import asdict

import click

from tidegate.cli import manifests, sources
from tidegate.errors import Problem


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", help="Form of what is printed.")
@click.pass_context
def command(ctx: click.Context, files: tuple[str, ...], output: str) -> None:
    """Check manifests; exit code 2 and `file:line:column: path: message` for each mistake.

    FILE may be a folder, which is searched for YAML and JSON, or - for stdin.
    """
    judgement = manifests.judge(sources.read(files))
    if output == "json":
        found = [_plain(problem) for problem in judgement.problems]
        click.echo(json.dumps({"valid": not found, "problems": found}, indent=2, ensure_ascii=False))
    else:
        for problem in judgement.problems:
            click.echo(str(problem))
        if not judgement.problems:
            click.echo(f"valid: {_counted(len(judgement.documents))}", err=True)
    ctx.exit(2 if judgement.problems else 0)


def _plain(problem: Problem) -> dict[str, object]:
    known = asdict(problem)
    return {name: known[name] for name in ("file", "line", "column", "path", "message")}


def _counted(number: int) -> str:
    return f"{number} {'document' if number == 1 else 'documents'}"
