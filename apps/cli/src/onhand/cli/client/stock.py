"""`onhand stock`."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from onhand.cli.client.exports import File, Form, Format, export
from onhand.cli.client.gateway import Gateway, Key, with_gateway
from onhand.cli.client.lists import INCOMING, STOCK, Most, show_list
from onhand.cli.commands import examples
from onhand.cli.imports.command import Wanted, import_stock
from onhand.cli.moments import parse_date, parse_time
from onhand.cli.output import show_json

stock = typer.Typer(
    help="See how much there is of a product and why, and say what comes and goes.", no_args_is_help=True
)

Product = Annotated[str, typer.Argument(help="Id of the product.")]
Location = Annotated[str | None, typer.Option(metavar="ID", help="Where.", show_default="main")]
Reason = Annotated[str | None, typer.Option(help="Why.")]
Reference = Annotated[str | None, typer.Option(help="What you call it, such as the number of a delivery note.")]


@stock.command("set", epilog=examples("onhand stock set 123 10", "onhand stock set 123 10 --location shop"))
@with_gateway
def set_stock(
    gateway: Gateway,
    product: Product,
    on_hand: Annotated[int, typer.Argument(help="How many are there.")],
    location: Location = None,
) -> None:
    """Set how many of a product are there, reserved ones among them."""
    gateway.show("PUT", "stock", product, body={"onHand": on_hand, "locationId": location})


@stock.command("get", epilog=examples("onhand stock get 123", "onhand stock get 123 --quantity 5"))
@with_gateway
def get_stock(
    gateway: Gateway,
    product: Product,
    quantity: Annotated[int | None, typer.Option(help="Also tell whether that many can be ordered.")] = None,
) -> None:
    """Show how many of a product are there, reserved, available and expected, and where."""
    gateway.show("GET", "stock", product, query={"quantity": quantity})


Low = Annotated[bool, typer.Option("--low", help="Only products of which no more than their threshold can be ordered.")]
Depleted = Annotated[bool, typer.Option("--depleted", help="Only products of which nothing can be ordered.")]
There = Annotated[
    str | None, typer.Option(metavar="ID", help="Only what has been there, and what is low or depleted there.")
]


@stock.command("list", epilog=examples("onhand stock list --low", "onhand stock list --location shop --depleted"))
@with_gateway
def list_stock(
    gateway: Gateway, *, low: Low = False, depleted: Depleted = False, location: There = None, limit: Most = 50
) -> None:
    """Show the stock of products, by their ids."""
    show_list(gateway, STOCK, _filters(low, depleted, location), limit)


@stock.command(
    "export", epilog=examples("onhand stock export stock.csv", "onhand stock export --depleted | jq .productId")
)
@with_gateway
def export_stock(
    gateway: Gateway,
    file: File = None,
    *,
    form: Form = None,
    low: Low = False,
    depleted: Depleted = False,
    location: There = None,
) -> None:
    """Write the stock of products to a file or to standard output, by their ids.

    One JSON object each, or CSV with a row for each location. The file is there once it is whole.
    """
    export(gateway, STOCK, _filters(low, depleted, location), file, form)


class Kind(StrEnum):
    """What a row of a file does."""

    SET = "set"
    RECEIVE = "receive"
    ADJUST = "adjust"


@stock.command(
    "import",
    epilog=examples(
        "onhand stock import stock.csv",
        "onhand stock import delivery.csv --as receive --location shop",
        "zcat stock.csv.gz | onhand stock import -",
    ),
)
@with_gateway
def import_file(
    gateway: Gateway,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV or NDJSON; '-' for standard input.")],
    *,
    kind: Annotated[Kind, typer.Option("--as", help="What rows do that have no type of their own.")] = Kind.SET,
    form: Annotated[
        Format | None, typer.Option("--format", help="What it is written in.", show_default="by its ending")
    ] = None,
    location: Annotated[
        str | None, typer.Option(metavar="ID", help="Where, for rows that do not say it.", show_default="main")
    ] = None,
    errors: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where to write refused rows.", show_default="FILE.errors.csv")
    ] = None,
    name: Annotated[
        str, typer.Option(metavar="NAME", help="Under another name the same file is applied once more.")
    ] = "",
) -> None:
    """Set, receive or adjust stock, row by row, from a file.

    Columns: productId and onHand (set) or quantity (receive, adjust);
    if you like type, locationId, incomingId, reason, reference.
    Rows are applied in no certain order, each once, however often the
    file is imported; one that was cut off goes on where it was. A file
    that is broken anywhere is refused before anything is applied.
    The exit code is 0 if every row was applied, 3 if some were refused,
    2 if the file is broken, and 1 if the gateway is away.
    """
    source = None if str(file) == "-" else file
    summary = import_stock(gateway, Wanted(source, form, kind.value, location, name, errors))
    if gateway.as_json:
        show_json(summary)
    else:
        rate = (summary.rows - summary.resumed_at) / max(summary.seconds, 0.001)
        before = f", {summary.resumed_at} of them by an earlier run" if summary.resumed_at else ""
        typer.echo(f"{summary.rows} rows{before}: {summary.applied} applied in {summary.seconds:.1f} s ({rate:,.0f}/s)")
        if summary.failed:
            typer.echo(f"{summary.failed} refused, see {summary.errors}", err=True)
    raise typer.Exit(3 if summary.failed else 0)


def _filters(low: bool, depleted: bool, location: str | None) -> dict[str, object]:
    return {"low": "true" if low else None, "depleted": "true" if depleted else None, "locationId": location}


@stock.command(epilog=examples("onhand stock explain 123", "onhand stock explain 123 --at 2h --limit 20"))
@with_gateway
def explain(
    gateway: Gateway,
    product: Product,
    at: Annotated[str | None, typer.Option(metavar="TIME", help="As it was then: 2h ago, or a date.")] = None,
    limit: Annotated[int | None, typer.Option(help="Most entries of each list.", show_default="100")] = None,
) -> None:
    """Show every movement, hold and order behind a product's numbers."""
    moment = None if at is None else parse_time(at).isoformat()
    gateway.show("GET", "stock", product, "explain", query={"at": moment, "limit": limit})


@stock.command(epilog=examples("onhand stock receive 123 20 --reference 'delivery 9'"))
@with_gateway
def receive(  # noqa: PLR0913  # each is an option of its own
    gateway: Gateway,
    product: Product,
    quantity: Annotated[int, typer.Argument(help="How many have come in.")],
    *,
    location: Location = None,
    incoming: Annotated[str | None, typer.Option(metavar="ID", help="What they were expected as.")] = None,
    reason: Reason = None,
    reference: Reference = None,
    idempotency_key: Key = None,
) -> None:
    """Say that units have come in. Orders that wait get theirs first."""
    body = {"type": "receive", "quantity": quantity, "locationId": location, "incomingId": incoming}
    body |= {"reason": reason, "reference": reference}
    gateway.show("POST", "stock", product, "movements", body=body, key=idempotency_key)


@stock.command(
    context_settings={"ignore_unknown_options": True},  # a number below 0 looks like an option
    epilog=examples("onhand stock adjust 123 -2 --reason broken", "onhand stock adjust 123 1 --reason found"),
)
@with_gateway
def adjust(
    gateway: Gateway,
    product: Product,
    change: Annotated[int, typer.Argument(help="How many more there are, or, below 0, fewer.")],
    location: Location = None,
    reason: Reason = None,
    reference: Reference = None,
    idempotency_key: Key = None,
) -> None:
    """Say that there are more units than thought, or fewer."""
    body = {"type": "adjust", "quantity": change, "locationId": location, "reason": reason, "reference": reference}
    gateway.show("POST", "stock", product, "movements", body=body, key=idempotency_key)


@stock.command(epilog=examples("onhand stock count 123 98 --location shop"))
@with_gateway
def count(
    gateway: Gateway,
    product: Product,
    on_hand: Annotated[int, typer.Argument(help="How many are there.")],
    location: Location = None,
    reason: Reason = None,
    reference: Reference = None,
    idempotency_key: Key = None,
) -> None:
    """Say how many units were counted."""
    body = {"type": "count", "onHand": on_hand, "locationId": location, "reason": reason, "reference": reference}
    gateway.show("POST", "stock", product, "movements", body=body, key=idempotency_key)


@stock.command(epilog=examples("onhand stock transfer 123 10 --from main --to shop"))
@with_gateway
def transfer(  # noqa: PLR0913  # each is an option of its own
    gateway: Gateway,
    product: Product,
    quantity: Annotated[int, typer.Argument(help="How many.")],
    *,
    from_location: Annotated[str, typer.Option("--from", metavar="ID", help="Where they were.")],
    to_location: Annotated[str, typer.Option("--to", metavar="ID", help="Where they are now.")],
    reason: Reason = None,
    reference: Reference = None,
    idempotency_key: Key = None,
) -> None:
    """Say that units were carried from one location to another. Reserved ones have to stay."""
    body = {"type": "transfer", "quantity": quantity, "fromLocationId": from_location, "toLocationId": to_location}
    body |= {"reason": reason, "reference": reference}
    gateway.show("POST", "stock", product, "movements", body=body, key=idempotency_key)


@stock.command(
    epilog=examples(
        "onhand stock expect 123 20 --at 2026-12-01", "onhand stock expect 123 0 --at 2026-12-01 --id 0199..."
    )
)
@with_gateway
def expect(  # noqa: PLR0913  # each is an option of its own
    gateway: Gateway,
    product: Product,
    quantity: Annotated[int, typer.Argument(help="How many are to come; 0, with --id, if none are any more.")],
    *,
    at: Annotated[str, typer.Option(metavar="DATE", help="When.")],
    incoming: Annotated[
        str | None, typer.Option("--id", metavar="ID", help="What is said anew by it, its place and reference too.")
    ] = None,
    location: Location = None,
    reference: Reference = None,
    idempotency_key: Key = None,
) -> None:
    """Say that units are on their way, or, by --id, how many are now, and when.

    Orders that wait for them are promised a date by it.
    """
    moment = parse_date(at).isoformat()
    body = {"quantity": quantity, "expectedAt": moment, "locationId": location, "reference": reference}
    if incoming is None:
        gateway.show("POST", "stock", product, "incoming", body=body, key=idempotency_key)
    else:
        gateway.show("PUT", "stock", product, "incoming", incoming, body=body)


@stock.command(
    "incoming",
    epilog=examples("onhand stock incoming", "onhand stock incoming 123", "onhand stock incoming 123 0199..."),
)
@with_gateway
def show_incoming(
    gateway: Gateway,
    product: Annotated[str | None, typer.Argument(help="Id of the product, if it is only one.")] = None,
    incoming: Annotated[str | None, typer.Argument(metavar="ID", help="What it is expected as.")] = None,
    *,
    limit: Most = 50,
) -> None:
    """Show what is still to come, by its product; with an ID, what was expected as that, and whether it has come."""
    if product is None or incoming is None:
        show_list(gateway, INCOMING, {"productId": product}, limit)
    else:
        gateway.show("GET", "stock", product, "incoming", incoming)
