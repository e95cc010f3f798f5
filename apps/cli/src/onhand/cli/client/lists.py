"""Lists of the gateway: read page by page, and shown as tables."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Annotated, Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

import httpx
import msgspec
import typer
from rich.table import Table

from onhand.cli.api import NOT_NOW, NoGateway, Refused, ask, open_client
from onhand.cli.client.gateway import Gateway
from onhand.cli.output import cell, console, show_json

Most = Annotated[int, typer.Option("--limit", min=1, help="How many at most.")]
Entry = dict[str, Any]
"""One entry of a list, as the gateway tells it."""

_PAGE = 200
_PATIENCE_SECONDS = 30.0
_PAUSE_SECONDS = 1.0


class List(NamedTuple):
    """A list of the gateway, and how it is written down for people and spreadsheets.

    Attributes:
        name: its path, and the field that has the entries.
        summary: the columns of the table, and what is in them.
        columns: of CSV.
        rows: the rows that CSV has for an entry.
    """

    name: str
    summary: Mapping[str, Callable[[Entry], object]]
    columns: tuple[str, ...]
    rows: Callable[[Entry], Iterable[Entry]]


def _field(name: str) -> Callable[[Entry], object]:
    return lambda entry: entry.get(name, "")


def _flat(name: str, *fields: str) -> List:
    """A list whose entries are rows as they are."""
    return List(name, {field: _field(field) for field in fields}, fields, lambda entry: [entry])


def _lines(order: Entry) -> str:
    return ", ".join(f"{line['ordered']} {line['productId']}" for line in order["lines"])


_OF_ORDER = ("orderId", "customerId", "status", "fulfilment", "policy", "reference", "reason", "reservationId")
_OF_LINE = ("productId", "ordered", "reserved", "backordered", "fulfilled", "returned", "cancelled", "available")
ORDERS = List(
    "orders",
    {name: _field(name) for name in ("orderId", "status", "fulfilment", "customerId", "reference")}
    | {"lines": _lines, "createdAt": _field("createdAt")},
    (*_OF_ORDER, "createdAt", "updatedAt", *_OF_LINE, "promisedAt", "metadata"),
    lambda order: [order | line for line in order["lines"]],
)
PRODUCTS = _flat("products", "productId", "name", "lowStockThreshold", "safetyStock", "backorderable")
INCOMING = _flat("incoming", "productId", "locationId", "quantity", "expectedAt", "reference", "incomingId")
_NUMBERS = ("onHand", "reserved", "available", "incoming", "safetyStock")
STOCK = List(
    "stock",
    {name: _field(name) for name in ("productId", *_NUMBERS, "availableToPromise")},
    ("productId", "locationId", *_NUMBERS),
    lambda level: [{"productId": level["productId"]} | place for place in level["locations"]],
)


def show_list(gateway: Gateway, of: List, filters: Mapping[str, object], most: int) -> None:
    """Print the first entries of a list.

    Raises:
        OnhandError: the gateway cannot be asked, or refuses.
    """
    try:
        entries = [
            msgspec.json.decode(each, type=Entry) for each in islice(read_entries(gateway, of, filters, most), most)
        ]
    except Refused as problem:
        if gateway.as_json:
            typer.echo(problem.body)
        raise
    if gateway.as_json:
        show_json({of.name: entries})
        return
    table = Table(*of.summary, box=None, pad_edge=False)
    for entry in entries:
        table.add_row(*(cell(value_of(entry)) for value_of in of.summary.values()))
    console().print(table)


def read_entries(gateway: Gateway, of: List, filters: Mapping[str, object], most: int = _PAGE) -> Iterator[msgspec.Raw]:
    """Read a list, one page after the other.

    Args:
        gateway: is asked.
        of: the list.
        filters: parameters; those that are None are left out.
        most: how many are wanted, so that no page is longer.

    Yields:
        Entries as they came.

    Raises:
        OnhandError: the gateway cannot be asked for a while, or refuses.
    """
    query = {name: value for name, value in filters.items() if value is not None} | {"limit": min(most, _PAGE)}
    headers = {} if gateway.actor is None else {"X-Actor": gateway.actor}
    with open_client() as client:
        while True:
            page = msgspec.json.decode(
                _ask_patiently(gateway.url, of.name, query, headers, client), type=dict[str, msgspec.Raw]
            )
            yield from msgspec.json.decode(page[of.name], type=list[msgspec.Raw])
            if "next" not in page:
                return
            query = dict(parse_qsl(urlsplit(msgspec.json.decode(page["next"], type=str)).query))


def _ask_patiently(
    url: str, path: str, query: Mapping[str, object], headers: Mapping[str, object], client: httpx.Client
) -> bytes:
    """Ask for a page. From the second on it is asked for again for a while, so that a restart ends no long list."""
    deadline = time.monotonic() + (_PATIENCE_SECONDS if "cursor" in query else 0)
    while True:
        try:
            return ask(url, "GET", path, query=query, headers=headers, client=client)
        except (NoGateway, Refused) as error:
            is_final = isinstance(error, Refused) and error.status not in NOT_NOW
            if is_final or time.monotonic() > deadline:
                raise
        time.sleep(_PAUSE_SECONDS)
