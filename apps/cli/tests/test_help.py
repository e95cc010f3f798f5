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
    "run",
    "verify",
    "demo",
    *(f"orders {it}" for it in ("create", "get", "list", "export", "timeline", "cancel", "fulfil", "return")),
    *(
        f"stock {it}"
        for it in ("set", "get", "list", "export", "explain", "receive", "adjust", "count", "transfer", "expect")
    ),
    *(f"holds {it}" for it in ("create", "get", "extend", "release")),
    *(f"products {it}" for it in ("set", "get")),
    *(f"locations {it}" for it in ("set", "list")),
    "dlq list",
    "dlq show",
    "dlq retry",
    "dlq edit",
    "dlq drop",
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
