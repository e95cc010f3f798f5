"""What all commands share: examples in their help, `--json`, and errors in one line."""

import sys
from typing import Annotated

import typer

from onhand.common.errors import OnhandError

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def examples(*lines: str) -> str:
    """Return the end of a help text."""
    return "\n".join(("[bold]Examples[/bold]", *(f"  {line}" for line in lines)))


def exit_codes(*codes: tuple[str, str]) -> str:
    """Return what comes behind the examples: exit codes and what they mean."""
    return "\n".join(("\n\n[bold]Exit codes[/bold]", *(f"  {code:<4}  {meaning}" for code, meaning in codes)))


class Commands(typer.Typer):
    """Commands that tell an expected failure in one line for each thing that is wrong, and exit with its code."""

    def __call__(self, *args: object, **kwargs: object) -> object:
        """Run the command that the arguments of the process name."""
        try:
            return super().__call__(*args, **kwargs)
        except OnhandError as error:
            for line in str(error).splitlines():
                sys.stderr.write(f"onhand: {line}\n")
            sys.exit(error.exit_code)
        except OSError as error:  # a full disk, a file of another user: nothing that a stack trace would explain
            sys.stderr.write(f"onhand: {error}\n")
            sys.exit(1)


def tool() -> Commands:
    """Return what a tool of this repository adds its one command to: help as that of `onhand`, and no completion."""
    return Commands(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="rich")
