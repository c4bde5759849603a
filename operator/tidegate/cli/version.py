"""`tidegate version`: what is installed."""

from importlib.metadata import version

import click

from tidegate.api.keys import API_VERSION


@click.command()
def command() -> None:
    """Show the version of Tidegate and of its API."""
    click.echo(f"tidegate {version('tidegate')} ({API_VERSION})")
