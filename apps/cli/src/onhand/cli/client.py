"""`onhand orders` and `onhand stock`: the gateway's API as commands."""

from typing import Annotated

import typer

from onhand.cli.api import Refused, ask
from onhand.cli.commands import AsJson, examples
from onhand.cli.output import show_object
from onhand.common.settings import load_settings

orders = typer.Typer(help="Create an order and see what became of it.", no_args_is_help=True)
stock = typer.Typer(help="Set and see how much there is of a product.", no_args_is_help=True)

Url = Annotated[
    str | None,
    typer.Option(envvar="ONHAND_URL", help="URL of the gateway.", show_default="http://127.0.0.1:$GATEWAY_PORT"),
]
Product = Annotated[str, typer.Argument(help="Id of the product.")]


@orders.command("create", epilog=examples("onhand orders create --product 123 --quantity 5 --customer cust-456"))
def create_order(
    product: Annotated[str, typer.Option(help="Id of the product.")],
    quantity: Annotated[int, typer.Option(help="How many of it.")],
    customer: Annotated[str, typer.Option(help="Id of the customer.")],
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Create an order. It is on disk when this returns; whether there is stock for it, `get` tells a moment later."""
    body = {"productId": product, "quantity": quantity, "customerId": customer}
    _show(url, as_json, "POST", "orders", body=body)


@orders.command("get", epilog=examples("onhand orders get 0199f0c2-...", "onhand orders get 0199f0c2-... --json"))
def get_order(
    order_id: Annotated[str, typer.Argument(help="Id of the order, as `create` printed it.")],
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Show an order: pending, confirmed, or rejected and why."""
    _show(url, as_json, "GET", "orders", order_id)


@stock.command("set", epilog=examples("onhand stock set 123 10"))
def set_stock(
    product: Product,
    on_hand: Annotated[int, typer.Argument(help="How many are there.")],
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Set how many of a product are there, reserved ones among them."""
    _show(url, as_json, "PUT", "stock", product, body={"onHand": on_hand})


@stock.command("get", epilog=examples("onhand stock get 123", "onhand stock get 123 --quantity 5"))
def get_stock(
    product: Product,
    quantity: Annotated[int | None, typer.Option(help="Also tell whether that many are available.")] = None,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Show how many of a product are there, reserved and available."""
    _show(url, as_json, "GET", "stock", product, query={} if quantity is None else {"quantity": quantity})


def _show(
    url: str | None,
    as_json: bool,
    method: str,
    *segments: str,
    body: dict[str, object] | None = None,
    query: dict[str, int] | None = None,
) -> None:
    settings = load_settings()
    gateway = url or f"http://{settings.host}:{settings.gateway_port}"
    try:
        answer = ask(gateway, method, *segments, body=body, query=query)
    except Refused as problem:
        if as_json:
            typer.echo(problem.body)
        raise
    if as_json:
        typer.echo(answer)
    else:
        show_object(answer)
