import io
import os
import pty

import pytest

from onhand.cli.log import Log


def written(names: tuple[str, ...]) -> bytes:
    """Return what a log writes to a terminal."""
    ours, theirs = pty.openpty()
    with os.fdopen(ours, "rb", buffering=0) as reader, os.fdopen(theirs, "wb") as terminal:
        log = Log(terminal, names)
        log.write(names[0], b"a line")
        return reader.read(100)


def test_each_line_stands_behind_the_name_of_who_wrote_it() -> None:
    stream = io.BytesIO()
    log = Log(stream, ("onhand", "orders", "inventory"))
    log.write("orders", b"one\r\n")
    log.write("inventory", b"\xff two")
    log.say("three")
    assert stream.getvalue() == b"orders    | one\ninventory | \xff two\nonhand    | three\n"


def test_names_are_coloured_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert written(("orders",)) == b"\x1b[36morders |\x1b[0m a line\r\n"


def test_names_are_not_coloured_on_a_terminal_with_no_color(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert written(("orders",)) == b"orders | a line\r\n"


def test_a_reader_that_goes_away_does_not_stop_the_writer() -> None:
    ours, theirs = os.pipe()
    os.close(ours)
    writer = os.fdopen(theirs, "wb", buffering=0)
    with writer:
        log = Log(writer, ("onhand",))
        log.say("one")
        log.say("two")
