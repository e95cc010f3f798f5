"""`onhand stock import` before a stand-in for the gateway, which can be away at the worst moment."""

import csv
import json
import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., tuple[int, str, str]]
Items = Sequence[dict[str, Any]]
Told = tuple[int, bytes] | None

ROWS = 200
IN_A_BATCH = 10
CALM = 50
"""Rows before there is any trouble."""


class Shop:
    """Receives units as the gateway does: what comes again under the same key does nothing.

    Attributes:
        units: that were received of each product.
        sent: the products of what was sent, each time that it was.
        answer: what it does about a batch.
    """

    def __init__(self) -> None:
        self.units: Counter[str] = Counter()
        self.sent: list[str] = []
        self.answer: Callable[[Items], Told] = self.book
        self._keys: set[str] = set()
        self._lock = threading.Lock()

    def take(self, path: str, body: bytes) -> Told:
        assert path == "/api/gateway/stock/batch"
        items = json.loads(body)["items"]
        self.sent += [item["productId"] for item in items]
        return self.answer(items)

    def book(self, items: Items, more: Items = ()) -> Told:
        """Receive units; there is no place for more of them."""
        with self._lock:
            results = [self._receive(number, item) for number, item in enumerate(items)]
        results += [{"status": 503, "problem": {"detail": "Too much is under way."}} for _ in more]
        return 200, json.dumps({"results": results}).encode()

    def _receive(self, number: int, item: dict[str, Any]) -> dict[str, Any]:
        if item["quantity"] < 1:
            wrong = {"pointer": f"/items/{number}/quantity", "detail": "should be at least 1"}
            return {"status": 422, "problem": {"detail": "It makes no sense.", "errors": [wrong]}}
        is_known = item["idempotencyKey"] in self._keys
        if not is_known:
            self._keys.add(item["idempotencyKey"])
            self.units[item["productId"]] += item["quantity"]
        return {"status": 201, "replayed": is_known}


@pytest.fixture
def shop(
    gateway_that: Callable[[Callable[[str, bytes], Told]], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Shop:
    monkeypatch.setattr("onhand.cli.imports.command.BATCH_ROWS", IN_A_BATCH)
    monkeypatch.chdir(tmp_path)
    shop = Shop()
    gateway_that(shop.take)
    return shop


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A delivery: of each product one unit more than of the one before."""
    return written(tmp_path / "delivery.csv")


def written(path: Path, refused: Sequence[int] = ()) -> Path:
    rows = [f"tea-{number},{-number if number in refused else number}" for number in range(1, ROWS + 1)]
    path.write_text("\n".join(["productId,quantity", *rows, ""]))
    return path


def products(first: int = 1, last: int = ROWS) -> list[str]:
    return [f"tea-{number}" for number in range(first, last + 1)]


def expected() -> Counter[str]:
    return Counter({f"tea-{number}": number for number in range(1, ROWS + 1)})


def is_late(items: Items) -> bool:
    """Whether there may be trouble: all before it is answered, and the trouble comes at the same row each time."""
    return any(int(item["productId"].split("-")[1]) > CALM for item in items)


def unavailable(_: Shop, __: Items) -> Told:
    return 503, b'{"title":"Service Unavailable","detail":"Inventory is away."}'


def no_reply(shop: Shop, items: Items) -> Told:
    shop.book(items)
    return 504, b'{"title":"Gateway Timeout","detail":"Inventory did not answer."}'


def dies_before(_: Shop, __: Items) -> Told:
    return None


def dies_behind(shop: Shop, items: Items) -> Told:
    shop.book(items)
    return None


def has_place_for_half(shop: Shop, items: Items) -> Told:
    half = len(items) // 2
    return shop.book(items[:half], items[half:])


Trouble = Callable[[Shop, Items], Told]
any_trouble = pytest.mark.parametrize("trouble", [unavailable, no_reply, dies_before, dies_behind, has_place_for_half])


def receive(run: Run, file: Path | str, *options: str) -> dict[str, Any]:
    code, out, errors = run("stock", "import", str(file), "--as", "receive", "--json", *options)
    assert code == 0, errors
    told: dict[str, Any] = json.loads(out)
    return told


def cut_off(shop: Shop, run: Run, file: Path, trouble: Trouble, monkeypatch: pytest.MonkeyPatch) -> str:
    """Begin an import before a gateway that has trouble until the import gives up; returns why it did."""
    shop.answer = lambda items: trouble(shop, items) if is_late(items) else shop.book(items)
    with monkeypatch.context() as impatient:
        impatient.setattr("onhand.cli.imports.sending.PATIENCE_SECONDS", 0.0)
        code, out, errors = run("stock", "import", str(file), "--as", "receive")
    assert (code, out) == (1, "")
    assert errors.splitlines()[1] == f"onhand: {CALM} of {ROWS} rows were answered; run it again to go on"
    shop.answer, shop.sent = shop.book, []
    return errors.splitlines()[0]


@any_trouble
def test_a_gateway_with_trouble_for_a_moment_is_waited_for_and_each_row_is_applied_once(
    shop: Shop, typed: Run, file: Path, trouble: Trouble
) -> None:
    once = threading.Lock()
    shop.answer = lambda items: (
        trouble(shop, items) if is_late(items) and once.acquire(blocking=False) else shop.book(items)
    )
    told = receive(typed, file)
    assert once.locked()
    assert (told["applied"], told["resumedAt"]) == (ROWS, 0)
    assert shop.units == expected()


@any_trouble
def test_an_import_that_is_cut_off_goes_on_where_it_was_and_applies_each_row_once(
    shop: Shop, typed: Run, file: Path, trouble: Trouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut_off(shop, typed, file, trouble, monkeypatch)
    told = receive(typed, file)
    assert (told["rows"], told["applied"], told["resumedAt"]) == (ROWS, ROWS, CALM)
    assert sorted(shop.sent) == sorted(products(CALM + 1)), "what was answered is not sent again"
    assert shop.units == expected()
    assert list(file.parent.iterdir()) == [file]


@pytest.mark.parametrize(
    ("trouble", "says"),
    [
        (unavailable, "Inventory is away."),
        (no_reply, "Inventory did not answer."),
        (dies_behind, "gave no answer (RemoteProtocolError): what it did is unknown"),
        (has_place_for_half, "Too much is under way."),
    ],
)
def test_an_import_that_is_cut_off_says_why(
    shop: Shop, typed: Run, file: Path, trouble: Trouble, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cut_off(shop, typed, file, trouble, monkeypatch).endswith(says)


def test_a_gateway_that_is_not_there_is_told_and_nothing_is_lost(
    shop: Shop, typed: Run, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("onhand.cli.imports.sending.PATIENCE_SECONDS", 0.0)
    code, _, errors = typed("stock", "import", str(file), "--as", "receive", "--url", "http://127.0.0.1:1")
    assert code == 1
    assert errors == (
        "onhand: no gateway at http://127.0.0.1:1: is it running? `onhand start` starts it\n"
        f"onhand: 0 of {ROWS} rows were answered; run it again to go on\n"
    )
    receive(typed, file)
    assert shop.units == expected()


def test_rows_that_were_refused_before_and_after_it_was_cut_off_are_told_once(
    shop: Shop, typed: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = written(tmp_path / "delivery.csv", refused=[5, CALM + 3, ROWS])
    cut_off(shop, typed, file, no_reply, monkeypatch)
    assert typed("stock", "import", str(file), "--as", "receive")[0] == 3
    assert told_in(tmp_path / "delivery.csv.errors.csv") == ["tea-5", f"tea-{CALM + 3}", f"tea-{ROWS}"]


def told_in(errors: Path) -> list[str]:
    """The products of rows that were refused; each is told by its line, and why it was."""
    with errors.open(newline="") as opened:
        rows = list(csv.DictReader(opened))
    assert all(row["problem"] == "quantity: should be at least 1" for row in rows)
    assert all(int(row["line"]) == int(row["productId"].split("-")[1]) + 1 for row in rows)
    return [row["productId"] for row in rows]


def test_refused_rows_are_written_where_one_wants_them(shop: Shop, typed: Run, tmp_path: Path) -> None:
    file = written(tmp_path / "delivery.csv", refused=[7, 9])
    wanted = tmp_path / "refused.csv"
    wanted.write_text("of yesterday")
    code, _, errors = typed("stock", "import", str(file), "--as", "receive", "--errors", str(wanted))
    assert (code, errors) == (3, f"2 refused, see {wanted}\n")
    assert told_in(wanted) == ["tea-7", "tea-9"]
    assert {*tmp_path.iterdir()} == {file, wanted}
    assert shop.units == expected() - Counter({"tea-7": 7, "tea-9": 9})


def test_a_file_that_is_changed_while_a_resumed_import_goes_on_is_told_and_goes_no_further(
    shop: Shop, typed: Run, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut_off(shop, typed, file, unavailable, monkeypatch)

    def change(items: Items) -> Told:
        with file.open("a") as more:
            more.write("coffee,1\n")
        os.utime(file, ns=(0, 0))  # clocks of file systems are coarse
        return shop.book(items)

    shop.answer = change
    code, out, errors = typed("stock", "import", str(file), "--as", "receive")
    assert (code, out) == (2, "")
    assert errors.startswith(f"onhand: {file}, line ")
    assert errors.endswith(": the file was changed while it was imported\n")
    assert f"tea-{ROWS}" not in shop.units
    assert shop.units <= expected()


def test_a_file_that_was_changed_since_is_imported_from_its_beginning(
    shop: Shop, typed: Run, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut_off(shop, typed, file, unavailable, monkeypatch)
    with file.open("a") as more:
        more.write("coffee,1\n")
    told = receive(typed, file)
    assert (told["rows"], told["resumedAt"]) == (ROWS + 1, 0)
    assert sorted(shop.sent) == sorted([*products(), "coffee"])


def test_a_second_import_of_the_same_file_is_refused_while_the_first_goes_on(
    shop: Shop, typed: Run, file: Path
) -> None:
    command = (sys.executable, "-m", "onhand.cli", "stock", "import", str(file), "--as", "receive")
    seconds: list[subprocess.CompletedProcess[str]] = []
    once = threading.Lock()

    def meanwhile(items: Items) -> Told:
        if once.acquire(blocking=False):
            seconds.append(subprocess.run(command, capture_output=True, text=True, timeout=60, check=False))
        return shop.book(items)

    shop.answer = meanwhile
    assert receive(typed, file)["applied"] == ROWS
    (second,) = seconds
    assert (second.returncode, second.stdout) == (1, "")
    assert second.stderr == f"onhand: {file}.import is locked: another process imports the same file\n"
    assert sorted(shop.sent) == sorted(products())


def pipe(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    """What is read from standard input from now on."""
    reading, writing = os.pipe()
    with os.fdopen(writing, "wb") as opened:
        opened.write(content)
    monkeypatch.setattr(sys, "stdin", os.fdopen(reading))


TEA, JAM = b'{"productId":"tea-1","quantity":1}', b'{"productId":"tea-2","quantity":2}'
ONE_AND_TWO = Counter({"tea-1": 1, "tea-2": 2})
BOM = b"\xef\xbb\xbf"
well_formed = pytest.mark.parametrize(
    "content",
    [
        b"\n".join((TEA, JAM, b"")),
        b"\n".join((TEA, JAM)),
        b"\r\n".join((TEA, JAM, b"")),
        BOM + b"\n".join((TEA, JAM, b"")),
        b"\n".join((b"", TEA, b"  ", JAM, b"", b"")),
    ],
    ids=["plain", "no newline at its end", "CRLF", "BOM", "blank lines"],
)


@well_formed
def test_ndjson_may_have_what_editors_put_into_it(shop: Shop, typed: Run, tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "delivery.ndjson"
    file.write_bytes(content)
    assert receive(typed, file)["rows"] == 2
    assert shop.units == ONE_AND_TWO


@well_formed
def test_ndjson_is_known_by_its_beginning_when_it_is_piped(
    shop: Shop, typed: Run, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    pipe(monkeypatch, content)
    assert receive(typed, "-")["rows"] == 2
    assert shop.units == ONE_AND_TWO


def test_what_is_piped_again_changes_nothing(
    shop: Shop, typed: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for replayed in (0, 2):
        pipe(monkeypatch, b"productId,quantity\ntea-1,1\ntea-2,2\n")
        assert receive(typed, "-")["replayed"] == replayed
    assert shop.units == ONE_AND_TWO
    assert not list(tmp_path.iterdir())


def test_refused_rows_of_what_is_piped_are_written_too(
    shop: Shop, typed: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pipe(monkeypatch, b"productId,quantity\ntea-1,1\ntea-2,0\n")
    code, _, errors = typed("stock", "import", "-", "--as", "receive")
    assert (code, errors) == (3, "1 refused, see stdin.errors.csv\n")
    assert told_in(tmp_path / "stdin.errors.csv") == ["tea-2"]
    assert shop.units == Counter({"tea-1": 1})


broken = pytest.mark.parametrize(
    ("content", "line", "says"),
    [
        (b"", 1, "the file is empty"),
        (BOM + b"\xff\n" + TEA + b"\n", 1, "is not UTF-8: byte 1 is 0xff"),
        (TEA + b"\n\xff" + JAM + b"\n", 2, "is not UTF-8: byte 1 is 0xff"),
        (TEA + b'\n{"productId":"' + b"a" * 10_000_000 + b'"}\n', 2, "a row has more than 65536 bytes"),
        (TEA + b"\n" + JAM[:-1], 2, "is no whole JSON object, and the last line of the file"),
        (TEA + b"\n\n" + JAM[:-1] + b"\n" + JAM + b"\n", 3, "is no JSON object"),
        (TEA + b"\n" + BOM + JAM + b"\n", 2, "is no JSON object"),
        (TEA + b"\n[1]\n", 2, "is no JSON object"),
        (TEA + JAM + b"\n", 1, "is no JSON object"),
    ],
    ids=[
        "empty",
        "no UTF-8 behind a BOM",
        "no UTF-8",
        "10 MB",
        "cut off",
        "cut off inside",
        "BOM inside",
        "no object",
        "two in a line",
    ],
)


@broken
def test_ndjson_that_is_broken_anywhere_is_told_in_one_line_and_not_applied(
    shop: Shop, typed: Run, tmp_path: Path, content: bytes, line: int, says: str
) -> None:
    file = tmp_path / "delivery.ndjson"
    file.write_bytes(content)
    code, out, errors = typed("stock", "import", str(file), "--as", "receive")
    assert (code, out) == (2, "")
    assert errors.startswith(f"onhand: {file}, line {line}: {says}")
    assert errors.endswith("nothing of the file was applied\n") or not content
    assert errors.count("\n") == 1
    assert not shop.sent


def test_what_is_piped_and_broken_is_told_by_its_line_and_not_applied(
    shop: Shop, typed: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipe(monkeypatch, TEA + b"\n" + JAM[:-1])
    code, _, errors = typed("stock", "import", "-", "--as", "receive")
    assert code == 2
    assert errors.startswith("onhand: standard input, line 2: is no whole JSON object")
    assert not shop.sent
