import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command
from typer.testing import CliRunner

from onhand.cli.main import app

CLIENT = ("orders", "stock", "holds", "products", "locations", "demo")


def walk(command: object, path: str = "") -> Iterator[tuple[str, TyperCommand]]:
    """Go through a command and all below it that does something: groups only list."""
    if isinstance(command, TyperCommand):
        yield path, command
        return
    assert isinstance(command, TyperGroup)
    for name, below in command.commands.items():
        yield from walk(below, f"{path} {name}".strip())


ALL = dict(walk(get_command(app)))
COMMANDS = ["", *ALL]


def test_the_commands_are_found() -> None:
    assert {"start", "demo", "verify", "orders create", "stock explain", "holds release", "dlq drop"} <= ALL.keys()


@pytest.mark.parametrize("command", [name for name in ALL if name.split()[0] in CLIENT])
def test_every_client_command_speaks_to_any_gateway_and_to_programs(command: str) -> None:
    options = {option for parameter in ALL[command].params for option in parameter.opts}
    assert "--url" in options
    assert "--json" in options or command.endswith("export"), "an export is for programs anyway"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_says_what_it_does(command: str) -> None:
    assert not command or ALL[command].help


def test_onhand_says_which_version_it_is() -> None:
    told = CliRunner().invoke(app, ["--version"])
    assert (told.exit_code, told.output.strip()) == (0, f"onhand {version('onhand-cli')}")


def completed(*words: str) -> list[str]:
    """What a shell is told when Tab is pressed behind these words."""
    onhand = Path(sys.executable).with_name("onhand")
    environment = os.environ | {
        "_ONHAND_COMPLETE": "complete_bash",
        "COMP_WORDS": " ".join(("onhand", *words)),
        "COMP_CWORD": str(len(words)),
    }
    return subprocess.run(
        [onhand], env=environment, capture_output=True, text=True, timeout=60, check=False
    ).stdout.split()


def test_the_shell_completes_commands_and_options() -> None:
    assert sorted(completed("de")) == ["demo", "dev"]
    assert "explain" in completed("stock", "ex")
    assert completed("orders", "create", "--cust") == ["--customer"]


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_each_command_shows_examples(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["onhand", *command.split(), "--help"])
    with pytest.raises(SystemExit) as ended:
        app()
    examples = capsys.readouterr().out.partition("Examples")[2]
    assert f"onhand {command}".strip() in examples
    assert ended.value.code == 0


def test_the_help_of_onhand_tells_the_exit_codes_of_all(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["onhand", "--help"])
    with pytest.raises(SystemExit):
        app()
    told = capsys.readouterr().out.partition("Exit codes")[2]
    assert [line.split(maxsplit=1)[0] for line in told.splitlines() if line.strip()] == ["0", "1", "2", "3,", "5"]
    assert "the gateway cannot be reached, or has no answer in time" in told


@pytest.mark.parametrize(
    ("command", "codes"),
    [
        ("status", "0 if everything is ready and 3 if not"),
        ("verify", "0 if every invariant holds, 4 if one is violated"),
        ("dlq retry", "0 if all were handled, 4 if one failed again, and 3"),
    ],
)
def test_the_help_of_a_command_tells_its_exit_codes(
    command: str, codes: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["onhand", *command.split(), "--help"])
    with pytest.raises(SystemExit):
        app()
    assert codes in capsys.readouterr().out
