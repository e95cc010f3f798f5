"""`onhand orders`."""

from typing import Annotated

import typer

from onhand.cli.client.exports import File, Form, export
from onhand.cli.client.gateway import Gateway, Key, with_gateway
from onhand.cli.client.lists import ORDERS, Most, show_list
from onhand.cli.client.pairs import BadUsage, Lines, parse_lines, parse_pairs
from onhand.cli.client.watching import show_events
from onhand.cli.commands import examples
from onhand.cli.moments import parse_time
from onhand.common.contracts.orders import FulfilmentStatus, OrderStatus, Policy

orders = typer.Typer(help="Create orders, see what became of them, and change them.", no_args_is_help=True)

Id = Annotated[str, typer.Argument(metavar="ORDER", help="Id of the order, as `create` printed it.")]


@orders.command(
    "create",
    epilog=examples(
        "onhand orders create --product 123 --quantity 5 --customer cust-456",
        "onhand orders create --line 123=5 --line 456=1 --customer cust-456 --policy backorder",
        "onhand orders create --product 123 --quantity 5 --customer cust-456 --wait 5",
    ),
)
@with_gateway
def create_order(  # noqa: PLR0913  # each is an option of its own
    gateway: Gateway,
    *,
    customer: Annotated[str, typer.Option(help="Id of the customer.")],
    product: Annotated[str | None, typer.Option(help="Id of the product, if it is only one.")] = None,
    quantity: Annotated[int | None, typer.Option(help="How many of it.")] = None,
    line: Lines = None,
    policy: Annotated[
        Policy | None, typer.Option(help="What to do if there is too little.", show_default="all-or-nothing")
    ] = None,
    reservation: Annotated[str | None, typer.Option(metavar="ID", help="A hold whose units the order takes.")] = None,
    reference: Annotated[str | None, typer.Option(help="What you call it.")] = None,
    metadata: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="What to keep with it; may be given again.")
    ] = None,
    idempotency_key: Key = None,
    wait: Annotated[
        int | None, typer.Option(min=0, max=30, metavar="SECONDS", help="Wait so long for the outcome.")
    ] = None,
) -> None:
    """Create an order. It is on disk when this returns; whether there is stock for it, `get` tells a moment later."""
    if bool(line) == (product is not None) or bool(line) == (quantity is not None):
        raise BadUsage("an order has either --product and --quantity, or one --line or more")
    body = {
        "productId": product,
        "quantity": quantity,
        "customerId": customer,
        "lines": parse_lines(line),
        "policy": policy,
        "reservationId": reservation,
        "reference": reference,
        "metadata": parse_pairs(metadata),
    }
    gateway.show("POST", "orders", body=body, key=idempotency_key, wait=wait)


@orders.command("get", epilog=examples("onhand orders get 0199f0c2-...", "onhand orders get 0199f0c2-... --json"))
@with_gateway
def get_order(gateway: Gateway, order_id: Id) -> None:
    """Show an order: how it stands, and each of its lines."""
    gateway.show("GET", "orders", order_id)


ByStatus = Annotated[OrderStatus | None, typer.Option(help="Only those that are so.")]
ByFulfilment = Annotated[FulfilmentStatus | None, typer.Option(help="Only those that are so.")]
ByCustomer = Annotated[str | None, typer.Option(metavar="ID", help="Only those of a customer.")]
ByProduct = Annotated[str | None, typer.Option(metavar="ID", help="Only those with a line for a product.")]
ByReference = Annotated[str | None, typer.Option(help="Only those that are called so.")]
Since = Annotated[str | None, typer.Option(metavar="TIME", help="Only those created since then: 2h ago, or a date.")]
Before = Annotated[str | None, typer.Option(metavar="TIME", help="Only those created before: 2h ago, or a date.")]


@orders.command(
    "list", epilog=examples("onhand orders list --status rejected --since 2h", "onhand orders list --customer cust-456")
)
@with_gateway
def list_orders(  # noqa: PLR0913  # each is an option of its own
    gateway: Gateway,
    *,
    status: ByStatus = None,
    fulfilment: ByFulfilment = None,
    customer: ByCustomer = None,
    product: ByProduct = None,
    reference: ByReference = None,
    since: Since = None,
    before: Before = None,
    limit: Most = 50,
) -> None:
    """Show orders, the newest first."""
    show_list(gateway, ORDERS, _filters(status, fulfilment, customer, product, reference, since, before), limit)


@orders.command(
    "export",
    epilog=examples(
        "onhand orders export orders.csv --since 2026-11-01",
        "onhand orders export --status confirmed | jq .orderId",
        "onhand orders export --format csv > orders.csv",
    ),
)
@with_gateway
def export_orders(  # noqa: PLR0913  # each is an option of its own
    gateway: Gateway,
    file: File = None,
    *,
    form: Form = None,
    status: ByStatus = None,
    fulfilment: ByFulfilment = None,
    customer: ByCustomer = None,
    product: ByProduct = None,
    reference: ByReference = None,
    since: Since = None,
    before: Before = None,
) -> None:
    """Write orders to a file or to standard output, the newest first.

    One JSON object each, or CSV with a row for each line. The file is there once it is whole.
    """
    export(gateway, ORDERS, _filters(status, fulfilment, customer, product, reference, since, before), file, form)


def _filters(
    status: str | None,
    fulfilment: str | None,
    customer: str | None,
    product: str | None,
    reference: str | None,
    since: str | None,
    before: str | None,
) -> dict[str, object]:
    """What is asked of the gateway; what is None is left out by it."""
    return {
        "status": status,
        "fulfilment": fulfilment,
        "customerId": customer,
        "productId": product,
        "reference": reference,
        "createdFrom": None if since is None else parse_time(since).isoformat(),
        "createdTo": None if before is None else parse_time(before).isoformat(),
    }


@orders.command(epilog=examples("onhand orders timeline 0199f0c2-...", "onhand orders timeline 0199f0c2-... --json"))
@with_gateway
def timeline(gateway: Gateway, order_id: Id) -> None:
    """Show what has happened to an order: when, why, and who wanted it."""
    gateway.show("GET", "orders", order_id, "events")


@orders.command(
    epilog=examples(
        "onhand orders watch", "onhand orders watch 0199f0c2-...", "onhand orders watch --customer cust-456 --json"
    )
)
@with_gateway
def watch(
    gateway: Gateway,
    order_id: Annotated[str | None, typer.Argument(metavar="ORDER", help="Id of an order; all without it.")] = None,
    *,
    customer: ByCustomer = None,
    limit: Annotated[int | None, typer.Option(min=1, help="End after so many.", show_default="Ctrl-C ends it")] = None,
) -> None:
    """Show what happens to orders while it happens: a line for each, or with --json an object.

    An order is shown from its beginning, all others from now on. Nothing is missed while the gateway is restarted.
    """
    if order_id is not None and customer is not None:
        raise BadUsage("an order has one customer anyway: say either ORDER or --customer")
    show_events(gateway, order_id, customer, limit)


@orders.command(epilog=examples("onhand orders cancel 0199f0c2-... --reason 'changed my mind'"))
@with_gateway
def cancel(
    gateway: Gateway,
    order_id: Id,
    reason: Annotated[str | None, typer.Option(help="Why.")] = None,
    idempotency_key: Key = None,
) -> None:
    """Give up an order of which nothing has left. What was held for it is given back."""
    gateway.show("POST", "orders", order_id, "cancel", body={"reason": reason}, key=idempotency_key)


@orders.command(epilog=examples("onhand orders fulfil 0199f0c2-...", "onhand orders fulfil 0199f0c2-... --line 123=2"))
@with_gateway
def fulfil(
    gateway: Gateway,
    order_id: Id,
    line: Lines = None,
    reference: Annotated[str | None, typer.Option(help="What you call it, such as the parcel's number.")] = None,
    idempotency_key: Key = None,
) -> None:
    """Send off what is reserved for an order: all of it, or the lines given."""
    body = {"lines": parse_lines(line), "reference": reference}
    gateway.show("POST", "orders", order_id, "fulfilments", body=body, key=idempotency_key)


@orders.command(
    "return",
    epilog=examples(
        "onhand orders return 0199f0c2-...",
        "onhand orders return 0199f0c2-... --line 123=1 --no-restock --reason broken",
    ),
)
@with_gateway
def take_back(
    gateway: Gateway,
    order_id: Id,
    line: Lines = None,
    restock: Annotated[bool, typer.Option(help="Whether it can be sold again.")] = True,
    reason: Annotated[str | None, typer.Option(help="Why.")] = None,
    idempotency_key: Key = None,
) -> None:
    """Take back what was sent off: all of it, or the lines given."""
    body = {"lines": parse_lines(line), "restock": restock, "reason": reason}
    gateway.show("POST", "orders", order_id, "returns", body=body, key=idempotency_key)
