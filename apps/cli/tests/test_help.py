import sys

import pytest

from onhand.cli.main import app

COMMANDS = [
    "",
    "start",
    "dev",
    "stop",
    "status",
    "reset",
    "migrate",
    "verify",
    "orders create",
    "orders get",
    "stock set",
    "stock get",
]


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


@pytest.mark.parametrize(
    ("command", "codes"),
    [
        ("status", "0 if everything is ready and 3 if not"),
        ("verify", "0 if every invariant holds, 4 if one is violated"),
    ],
)
def test_the_help_of_a_command_tells_its_exit_codes(
    command: str, codes: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["onhand", command, "--help"])
    with pytest.raises(SystemExit):
        app()
    assert codes in capsys.readouterr().out
