"""What happens to orders, shown while it happens."""

import random
import time
from collections.abc import Iterator
from itertools import islice
from typing import Any

import msgspec
import typer
from rich.text import Text

from onhand.cli.api import NOT_NOW, NoGateway, Refused, listen
from onhand.cli.client.gateway import Gateway
from onhand.cli.output import cell, console

_PATIENCE_SECONDS = 40.0
"""The gateway says every 15 s that it is there."""
_PAUSE_SECONDS = 1.0


def show_events(gateway: Gateway, order_id: str | None, customer: str | None, limit: int | None) -> None:
    """Print what happens, until there were enough.

    Raises:
        OnhandError: the gateway cannot be asked at first, or refuses.
    """
    out = console()
    for event in islice(_events(gateway, order_id, customer), limit):
        if gateway.as_json:
            typer.echo(event)
        else:
            out.print(_line(msgspec.json.decode(event)), soft_wrap=True)


def _events(gateway: Gateway, order_id: str | None, customer: str | None) -> Iterator[bytes]:
    """What happens, over as many connections as it takes: each says how far the one before had come."""
    path = ("events",) if order_id is None else ("orders", order_id, "events")
    query = {} if customer is None else {"customerId": customer}
    position = ""
    while True:
        headers = {name: it for name, it in (("X-Actor", gateway.actor), ("Last-Event-ID", position)) if it}
        data = b""
        try:
            for line in listen(gateway.url, *path, query=query, headers=headers, patience_seconds=_PATIENCE_SECONDS):
                name, _, value = line.partition(b": ")
                if name == b"id":
                    position = value.decode()
                elif name == b"data":
                    data = value
                elif not line and data:
                    yield data
                    data = b""
        except (NoGateway, Refused) as error:
            is_final = isinstance(error, Refused) and error.status not in NOT_NOW
            if is_final or not position:
                raise
        time.sleep(random.uniform(0, _PAUSE_SECONDS))  # noqa: S311  # spreads load, protects nothing


def _line(event: dict[str, Any]) -> Text:
    """One line for people: when, which order, what, and what else is short enough to say."""
    what = event["type"].split(".")[1].removeprefix("order-")
    said = event["data"]
    more = [f"{it['productId']}={it['quantity']}" for it in said.get("lines", ()) if "quantity" in it]
    more += [str(said["reason"])] if "reason" in said else []
    line = Text("  ").join([cell(event["at"]), cell(event["orderId"]), cell(event["customerId"]), cell(what)])
    return Text("  ").join([line, cell(" ".join(more))]) if more else line
