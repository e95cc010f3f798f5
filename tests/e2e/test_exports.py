"""Lists on the command line, and exports to files."""

import csv
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.shop import becomes, done, new_id, new_location, place, post, set_product
from tests.e2e.system import System
from tests.e2e.traffic import look_up, set_stock, stock


def onhand(system: System, *words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    ran = system.run("onhand.cli", *words)
    assert ran.returncode == code, ran.stderr
    return ran


def entries(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def rows(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as opened:
        return list(csv.DictReader(opened))


@pytest.fixture
def customer(system: System) -> str:
    """A customer with 205 orders, more than a page has, the last of them confirmed."""
    customer, tea, jam = new_id('Zoë, "the first"'), new_id("tea"), new_id("jam")
    for _ in range(204):
        done(post(system, "orders", {"customerId": customer, "productId": "nobody-knows-it", "quantity": 1}))
    set_stock(system, tea, 5)
    set_stock(system, jam, 5)
    last = place(system, {tea: 2, jam: 1}, customerId=customer, reference="=1+1", metadata={"gift": "yes"})
    becomes(system, last, "confirmed")
    return customer


def test_orders_are_listed_and_exported(system: System, customer: str, tmp_path: Path) -> None:
    told = json.loads(onhand(system, "orders", "list", "--customer", customer, "--limit", "203", "--json").stdout)
    assert len(told["orders"]) == 203
    last = told["orders"][0]
    assert last == look_up(system, last["orderId"])
    tea, jam = (line["productId"] for line in last["lines"])
    shown = onhand(system, "orders", "list", "--customer", customer, "--status", "confirmed").stdout.splitlines()
    assert shown[0].split() == ["orderId", "status", "fulfilment", "customerId", "reference", "lines", "createdAt"]
    assert f"2 {tea}, 1 {jam}" in shown[1]
    assert len(shown) == 2

    exported = entries(onhand(system, "orders", "export", "--customer", customer).stdout)
    ids = [order["orderId"] for order in exported]
    assert len(set(ids)) == 205
    assert ids == sorted(ids, reverse=True)
    assert entries(onhand(system, "orders", "export", "--customer", customer, "--json").stdout) == exported
    assert exported[0] == last
    assert exported[:203] == told["orders"]

    file = tmp_path / "orders.csv"
    onhand(system, "orders", "export", str(file), "--customer", customer)
    written = rows(file)
    assert [row["orderId"] for row in written] == [ids[0], *ids]  # a row for each line
    assert {row["customerId"] for row in written} == {customer}
    first = written[0]
    assert (first["productId"], first["ordered"], first["reserved"], first["reference"]) == (tea, "2", "2", "=1+1")
    assert json.loads(first["metadata"]) == {"gift": "yes"}
    assert list(tmp_path.iterdir()) == [file]

    for since, found in (("1h", 1), ("2100-01-01", 0)):
        ran = onhand(system, "orders", "export", "--customer", customer, "--status", "confirmed", "--since", since)
        assert len(entries(ran.stdout)) == found
    assert onhand(system, "orders", "export", "--customer", customer, "--before", "1h").stdout == ""


def test_stock_is_listed_and_exported(system: System, tmp_path: Path) -> None:
    shop = new_location(system)
    names = [new_id(f"{number}") for number in range(3)]
    for name, units in zip(names, (3, 0, 7), strict=True):
        set_stock(system, name, units, shop)
    set_stock(system, names[0], 4)
    told = json.loads(onhand(system, "stock", "list", "--location", shop, "--json").stdout)["stock"]
    assert told == [stock(system, name) for name in names]
    shown = onhand(system, "stock", "list", "--location", shop, "--depleted").stdout.splitlines()
    assert [line.split()[0] for line in shown] == ["productId", names[1]]

    files = {ending: tmp_path / f"stock.{ending}" for ending in ("csv", "ndjson")}
    for file in files.values():
        onhand(system, "stock", "export", str(file), "--location", shop)
    assert entries(files["ndjson"].read_text()) == told
    places = {(row["productId"], row["locationId"]): row["onHand"] for row in rows(files["csv"])}
    assert places == {
        (names[0], shop): "3",
        (names[0], "main"): "4",
        (names[1], shop): "0",
        (names[2], shop): "7",
    }
    piped = onhand(system, "stock", "export", "-", "--format", "csv", "--location", shop).stdout
    assert piped == files["csv"].read_text()


def test_products_are_listed_and_exported(system: System, tmp_path: Path) -> None:
    beginning = new_id("tea")
    named, plain = f"{beginning} 1", f"{beginning} 2"
    set_product(system, plain)
    set_product(system, named, name='Earl "Grey"', lowStockThreshold=5, safetyStock=2, backorderable=False)
    told = json.loads(onhand(system, "products", "list", "--prefix", beginning, "--json").stdout)["products"]
    assert [product["productId"] for product in told] == [named, plain]
    shown = onhand(system, "products", "list", "--prefix", beginning, "--limit", "1").stdout.splitlines()
    assert shown[0].split() == ["productId", "name", "lowStockThreshold", "safetyStock", "backorderable"]
    assert shown[1].removeprefix(named).split() == ["Earl", '"Grey"', "5", "2", "no"]
    assert len(shown) == 2

    file = tmp_path / "products.csv"
    onhand(system, "products", "export", str(file), "--prefix", beginning)
    of_plain = {"productId": plain, "name": "", "lowStockThreshold": "", "safetyStock": "0", "backorderable": "true"}
    assert rows(file)[1] == of_plain
    assert entries(onhand(system, "products", "export", "--prefix", beginning).stdout) == told


def test_what_is_to_come_is_listed(system: System) -> None:
    tea, jam = new_id("tea"), new_id("jam")
    for product in (tea, jam):
        set_stock(system, product, 0)
        onhand(system, "stock", "expect", product, "5", "--at", "2026-12-01", "--reference", "order 12")
    told = json.loads(onhand(system, "stock", "incoming", "--limit", "200", "--json").stdout)["incoming"]
    assert {it["productId"] for it in told} >= {tea, jam}
    shown = onhand(system, "stock", "incoming", tea).stdout.splitlines()
    assert shown[0].split() == ["productId", "locationId", "quantity", "expectedAt", "reference", "incomingId"]
    assert shown[1].split()[:3] == [tea, "main", "5"]
    assert len(shown) == 2


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("orders", "export", "orders.xlsx"), 2, "ends in none of .csv, .ndjson, .jsonl"),
        (("orders", "list", "--since", "yesterday"), 2, "is no moment"),
        (("orders", "list", "--customer", "a/b"), 1, "customerId: must not contain"),
        (("orders", "export", "--since", "1h", "--before", "2h"), 1, "createdTo: must be later than createdFrom"),
        (("stock", "export", "--location", "nowhere"), 1, "There is no location nowhere"),
        (("stock", "export", "/nobody/has/it.csv"), 1, "No such file or directory"),
        (("stock", "list", "--url", "http://127.0.0.1:1"), 5, "no gateway at"),
        (("orders", "export", "--format", "csv", "--json"), 2, "--json and CSV do not go together"),
        (("stock", "export", "stock.csv", "--json"), 2, "--json and CSV do not go together"),
    ],
)
def test_what_cannot_be_listed_is_told_in_one_line(
    system: System, words: tuple[str, ...], code: int, says: str
) -> None:
    ran = onhand(system, *words, code=code)
    assert says in ran.stderr
    assert ran.stderr.count("\n") == 1
    assert ran.stdout == ""
    assert not [*system.directory.glob("orders.xlsx*"), *system.directory.glob("stock.csv*")]


def test_an_export_that_fails_leaves_the_file_as_it_was(system: System, tmp_path: Path) -> None:
    file = tmp_path / "stock.csv"
    file.write_text("of yesterday")
    onhand(system, "stock", "export", str(file), "--location", "nowhere", code=1)
    assert file.read_text() == "of yesterday"
    assert list(tmp_path.iterdir()) == [file]
