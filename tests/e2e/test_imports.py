"""`onhand stock import`: every row of a file is applied once, or told to be refused."""

import csv
import json
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.databases import read
from tests.e2e.shop import explain, new_id
from tests.e2e.system import System
from tests.e2e.waiting import eventually

ROWS = 3000


@pytest.fixture
def prefix() -> str:
    return new_id("row")


def written(path: Path, prefix: str, rows: int = ROWS) -> Path:
    """A delivery: of each product one unit more than of the one before."""
    lines = [f"{prefix}-{number},{number}" for number in range(1, rows + 1)]
    path.write_text("\n".join(["productId,quantity", *lines, ""]))
    return path


def there(system: System, prefix: str) -> Mapping[str, int]:
    query = "SELECT product_id, on_hand FROM stock_levels WHERE starts_with(product_id, $1)"
    return dict(map(tuple, read(system, "inventory", query, f"{prefix}-")))


def expected(prefix: str, rows: int = ROWS) -> Mapping[str, int]:
    return {f"{prefix}-{number}": number for number in range(1, rows + 1)}


def import_stock(system: System, *arguments: object) -> subprocess.CompletedProcess[str]:
    return system.run("onhand.cli", "stock", "import", *map(str, arguments))


def summary(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def test_a_file_that_is_imported_again_changes_nothing(system: System, tmp_path: Path, prefix: str) -> None:
    file = written(tmp_path / "delivery.csv", prefix)
    told = summary(import_stock(system, file, "--as", "receive", "--json"))
    assert (told["rows"], told["applied"], told["failed"]) == (ROWS, ROWS, 0)
    again = summary(import_stock(system, file, "--as", "receive", "--json"))
    assert again["replayed"] + again["resumedAt"] >= ROWS
    assert there(system, prefix) == expected(prefix)
    assert summary(import_stock(system, file, "--as", "receive", "--name", "second", "--json"))["replayed"] == 0
    assert there(system, prefix) == {product: 2 * units for product, units in expected(prefix).items()}


def test_an_import_that_is_interrupted_says_how_far_it_came_and_goes_on_there(
    system: System, tmp_path: Path, prefix: str
) -> None:
    file = written(tmp_path / "delivery.csv", prefix, 10 * ROWS)
    first = system.spawn("onhand.cli", "stock", "import", str(file), "--as", "receive")
    eventually(lambda: there(system, prefix) or first.poll() is not None)
    first.send_signal(signal.SIGINT)
    assert first.wait() == 130, "it was done before it could be interrupted"
    said = next(line for line in system.log().splitlines() if "rows were answered" in line)
    answered, _, rest = said.partition(" ")
    assert rest == f"of {10 * ROWS} rows were answered; run it again to go on"
    told = summary(import_stock(system, file, "--as", "receive", "--json"))
    assert (told["resumedAt"], told["applied"]) == (int(answered), 10 * ROWS)
    assert len(there(system, prefix)) == 10 * ROWS


def test_an_import_that_is_killed_goes_on_and_applies_each_row_once(
    system: System, tmp_path: Path, prefix: str
) -> None:
    file = written(tmp_path / "delivery.csv", prefix)
    first = system.spawn("onhand.cli", "stock", "import", str(file), "--as", "receive")
    eventually(lambda: there(system, prefix) or first.poll() is not None)
    first.send_signal(signal.SIGKILL)
    assert first.wait() == -signal.SIGKILL, "it was done before it could be killed"
    summary(import_stock(system, file, "--as", "receive", "--json"))
    assert there(system, prefix) == expected(prefix)


def test_a_gateway_that_is_killed_meanwhile_costs_an_import_no_row(system: System, tmp_path: Path, prefix: str) -> None:
    file = written(tmp_path / "delivery.csv", prefix, 10 * ROWS)
    importing = system.spawn("onhand.cli", "stock", "import", str(file), "--as", "receive")
    eventually(lambda: there(system, prefix) or importing.poll() is not None)
    system.kill("gateway")
    assert importing.poll() is None, "it was done before the gateway could be killed"
    assert importing.wait(timeout=90) == 0
    assert there(system, prefix) == expected(prefix, 10 * ROWS)
    assert not Path(f"{file}.errors.csv").exists()


def test_two_who_import_the_same_from_two_files_apply_each_row_once(
    system: System, tmp_path: Path, prefix: str
) -> None:
    files = [written(tmp_path / f"{name}.csv", prefix) for name in ("one", "other")]
    running = [system.spawn("onhand.cli", "stock", "import", str(it), "--as", "receive") for it in files]
    assert [it.wait(timeout=60) for it in running] == [0, 0]
    assert there(system, prefix) == expected(prefix)


def test_rows_that_are_refused_are_told_by_their_line_and_the_others_are_applied(
    system: System, tmp_path: Path, prefix: str
) -> None:
    file = tmp_path / "stock.csv"
    file.write_bytes(f"\ufeffproductId;onHand\r\n{prefix}-1;5\r\n{prefix}-2;x\r\n{prefix}-3;-1\r\n".encode())
    done = import_stock(system, file)
    assert done.returncode == 3
    with Path(f"{file}.errors.csv").open(newline="") as errors:
        assert [(it["line"], it["productId"]) for it in csv.DictReader(errors)] == [
            ("3", f"{prefix}-2"),
            ("4", f"{prefix}-3"),
        ]
    assert there(system, prefix) == {f"{prefix}-1": 5}


def test_an_adjustment_by_nothing_is_refused(system: System, tmp_path: Path, prefix: str) -> None:
    file = tmp_path / "stock.csv"
    file.write_text(f"productId,quantity\n{prefix}-1,5\n")
    assert summary(import_stock(system, file, "--as", "receive", "--json"))["applied"] == 1
    file.write_text(f"productId,quantity\n{prefix}-1,0\n")
    assert import_stock(system, file, "--as", "adjust").returncode == 3
    assert "must not be 0" in Path(f"{file}.errors.csv").read_text()
    typed = system.run("onhand.cli", "stock", "adjust", f"{prefix}-1", "0")
    assert typed.returncode == 1
    assert "must not be 0" in typed.stderr
    assert len(explain(system, f"{prefix}-1")["movements"]) == 1


def test_ndjson_is_imported_too(system: System, tmp_path: Path, prefix: str) -> None:
    lines = [json.dumps({"productId": f"{prefix}-{number}", "onHand": number}) for number in (1, 2)]
    file = tmp_path / "stock.ndjson"
    file.write_text("\n".join([*lines, ""]))
    assert summary(import_stock(system, file, "--json"))["applied"] == 2
    assert there(system, prefix) == {f"{prefix}-1": 1, f"{prefix}-2": 2}


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"", 1),
        (b"product,count\na,1\n", 1),
        (b"productId onHand\na 1\n", 1),
        (b"productId,onHand\nGOOD,1\na,1,2\n", 3),
        (b"productId,onHand\nGOOD,1\na,1", 3),
        (b"productId,onHand\nGOOD,1\n\xff,1\n", 3),
        (b'productId,onHand\nGOOD,1\n"a,1\n', 3),
        (b"productId,onHand\nGOOD,1\n" + b"a" * 10_000_000 + b",1\n", 3),
    ],
    ids=["empty", "header", "delimiter", "too many fields", "cut off", "no UTF-8", "open quote", "10 MB"],
)
def test_a_file_that_is_broken_anywhere_is_told_in_one_line_and_not_applied(
    system: System, tmp_path: Path, prefix: str, content: bytes, line: int
) -> None:
    file = tmp_path / "stock.csv"
    file.write_bytes(content.replace(b"GOOD", f"{prefix}-1".encode()))
    done = import_stock(system, file)
    assert done.returncode == 2
    assert done.stderr.startswith(f"onhand: {file}, line {line}: ")
    assert done.stderr.count("\n") == 1
    assert there(system, prefix) == {}
