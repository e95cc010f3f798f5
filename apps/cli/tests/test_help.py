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


def test_the_help_of_status_tells_its_exit_codes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["onhand", "status", "--help"])
    with pytest.raises(SystemExit):
        app()
    assert "0 if everything is ready and 3 if not" in capsys.readouterr().out
