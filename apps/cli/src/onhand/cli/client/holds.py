"""`onhand holds`."""

from typing import Annotated

import typer

from onhand.cli.client.gateway import Gateway, Key, with_gateway
from onhand.cli.client.pairs import Lines, parse_lines
from onhand.cli.commands import examples

holds = typer.Typer(help="Hold units for a while without an order: a cart, an offer.", no_args_is_help=True)

Id = Annotated[str, typer.Argument(metavar="HOLD", help="Id of the hold, as `create` printed it.")]
Ttl = Annotated[int, typer.Option(metavar="SECONDS", help="How long, from now on; a day at most.")]


@holds.command("create", epilog=examples("onhand holds create --line 123=5 --line 456=1 --ttl 900"))
@with_gateway
def create_hold(
    gateway: Gateway,
    ttl: Ttl,
    line: Lines = None,
    reference: Annotated[str | None, typer.Option(help="What you call it.")] = None,
    idempotency_key: Key = None,
) -> None:
    """Hold units of all lines, or none. An order takes them by `onhand orders create --reservation`."""
    body = {"lines": parse_lines(line) or [], "ttlSeconds": ttl, "reference": reference}
    gateway.show("POST", "reservations", body=body, key=idempotency_key)


@holds.command("get", epilog=examples("onhand holds get 0199f0c2-..."))
@with_gateway
def get_hold(gateway: Gateway, hold_id: Id) -> None:
    """Show a hold: active, used, released or expired."""
    gateway.show("GET", "reservations", hold_id)


@holds.command(epilog=examples("onhand holds extend 0199f0c2-... --ttl 900"))
@with_gateway
def extend(gateway: Gateway, hold_id: Id, ttl: Ttl) -> None:
    """Hold for longer; never for less than it is held already."""
    gateway.show("POST", "reservations", hold_id, "extend", body={"ttlSeconds": ttl})


@holds.command(epilog=examples("onhand holds release 0199f0c2-..."))
@with_gateway
def release(gateway: Gateway, hold_id: Id) -> None:
    """Hold no longer."""
    gateway.show("DELETE", "reservations", hold_id)
