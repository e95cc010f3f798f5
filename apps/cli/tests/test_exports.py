"""Exports before a stand-in for the gateway: however much there is, it is written down as it comes."""

import json
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

Run = Callable[..., tuple[int, str, str]]
Start = Callable[[Callable[[str, bytes], tuple[int, bytes]]], None]

IN_A_PAGE = 200
MIB = 1024 * 1024
ENTRY = {"productId": "tea", "locations": [{"locationId": "main", "onHand": 5}], "filler": "x" * 2000}


class Shelves:
    """A list of as many pages as are wanted, each of them 400 kB."""

    def __init__(self, pages: int) -> None:
        self.pages = pages

    def tell(self, path: str, _: bytes) -> tuple[int, bytes]:
        number = int(parse_qs(urlsplit(path).query).get("cursor", ["1"])[0])
        page = {"stock": [ENTRY] * IN_A_PAGE}
        more = {"next": f"/api/gateway/stock?limit=200&cursor={number + 1}"} if number < self.pages else {}
        return 200, json.dumps(page | more).encode()


@contextmanager
def counted() -> Iterator[list[int]]:
    """Count the most bytes that Python holds at once while the block runs."""
    most: list[int] = []
    tracemalloc.start()
    try:
        yield most
        most.append(tracemalloc.get_traced_memory()[1])
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("ending", ["ndjson", "csv"])
def test_an_export_of_twenty_thousand_holds_a_few_pages_at_once(
    gateway_that: Start, typed: Run, tmp_path: Path, ending: str
) -> None:
    shelves = Shelves(pages=100)
    gateway_that(shelves.tell)
    file = tmp_path / f"stock.{ending}"
    with counted() as most:
        assert typed("stock", "export", str(file)) == (0, "", "")
    with file.open("rb") as written:
        assert sum(1 for _ in written) == shelves.pages * IN_A_PAGE + (ending == "csv")
    assert most[0] < 16 * MIB, "there are 38 MiB in all"
