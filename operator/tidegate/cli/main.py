"""`tidegate`: the group of commands, each in a module of its own that is imported only when it is called for.

So `validate` starts without kopf or aiohttp. Errors of ours become sentences here, and exit codes.
"""

import importlib
from typing import Any, NoReturn

import click

from tidegate.errors import ApiError, InvalidSpec, TidegateError, UsageError

COMMANDS = {
    "validate": "Check manifests, without a cluster.",
    "explain": "Say what a Flow would do, and why, without running it.",
    "schedule": "Say when the triggers of Flows are due, without a cluster.",
    "trigger": "Try what a trigger does with an event, without a cluster.",
    "run": "Run a Flow: with --local on this machine, else on a cluster.",
    "dev": "Serve the sandbox and the operator until Ctrl-C.",
    "operator": "Run the operator.",
    "receiver": "Run the receiver of webhooks.",
    "logs": "Show what the tasks of a run print.",
    "cancel": "Stop a run.",
    "backfill": "Start runs for instants of a schedule that have passed.",
    "rerun": "Do again what failed in a run, or all of it.",
    "approve": "Let a task go on that waits for a decision.",
    "reject": "End a task as failed that waits for a decision.",
    "version": "Show the version.",
}
"""What `tidegate --help` says of each command; the module of a command bears its name."""


class Commands(click.Group):
    """A group that imports a command when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        """Give the names in the order in which people meet them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  likewise
        """Import a command."""
        if cmd_name not in COMMANDS:
            return None
        command = importlib.import_module(f"tidegate.cli.{cmd_name}").command
        return command if isinstance(command, click.Command) else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002  likewise
        """List the commands without importing any of them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; what goes wrong is told in a sentence, never by a traceback."""
        try:
            return super().invoke(ctx)
        except TidegateError as error:
            end_with(ctx, error)


def end_with(ctx: click.Context, error: TidegateError) -> NoReturn:
    """Say what is wrong on stderr and exit: 2 for what the user wrote, 1 for what happened."""
    if isinstance(error, InvalidSpec):
        for problem in error.problems:
            click.echo(str(problem), err=True)
    else:
        click.echo(f"tidegate: {error.message if isinstance(error, ApiError) else error}", err=True)
    ctx.exit(2 if isinstance(error, InvalidSpec | UsageError) else 1)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Workflows as Kubernetes custom resources: each task is a Job, state lives in status."""
