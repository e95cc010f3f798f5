"""`onhand products` and `onhand locations`."""

from typing import Annotated

import typer

from onhand.cli.client.exports import File, Form, export
from onhand.cli.client.gateway import Gateway, with_gateway
from onhand.cli.client.lists import PRODUCTS, Most, show_list
from onhand.cli.commands import examples

products = typer.Typer(help="Say what products are, and see it.", no_args_is_help=True)
locations = typer.Typer(help="Say where stock can be.", no_args_is_help=True)

Product = Annotated[str, typer.Argument(help="Id of the product.")]
Name = Annotated[str | None, typer.Option(help="What people call it.")]


@products.command("set", epilog=examples("onhand products set 123 --name Tea --low-stock 5 --safety-stock 2"))
@with_gateway
def set_product(
    gateway: Gateway,
    product: Product,
    name: Name = None,
    low_stock: Annotated[int | None, typer.Option(help="It is told when no more than that can be ordered.")] = None,
    safety_stock: Annotated[int, typer.Option(help="Units that no order gets, at each location.")] = 0,
    backorderable: Annotated[bool, typer.Option(help="Whether orders may wait for it.")] = True,
) -> None:
    """Say what a product is, all of it anew."""
    body = {"name": name, "lowStockThreshold": low_stock, "safetyStock": safety_stock, "backorderable": backorderable}
    gateway.show("PUT", "products", product, body=body)


@products.command("get", epilog=examples("onhand products get 123"))
@with_gateway
def get_product(gateway: Gateway, product: Product) -> None:
    """Show what a product is."""
    gateway.show("GET", "products", product)


Prefix = Annotated[str | None, typer.Option(metavar="TEXT", help="Only those whose ids begin so.")]


@products.command("list", epilog=examples("onhand products list", "onhand products list --prefix tea-"))
@with_gateway
def list_products(gateway: Gateway, *, prefix: Prefix = None, limit: Most = 50) -> None:
    """Show what products are, by their ids."""
    show_list(gateway, PRODUCTS, {"prefix": prefix}, limit)


@products.command(
    "export", epilog=examples("onhand products export products.csv", "onhand products export | jq .productId")
)
@with_gateway
def export_products(gateway: Gateway, file: File = None, *, form: Form = None, prefix: Prefix = None) -> None:
    """Write what products are to a file or to standard output, by their ids: one JSON object each, or CSV.

    The file is there once it is whole.
    """
    export(gateway, PRODUCTS, {"prefix": prefix}, file, form)


@locations.command("set", epilog=examples("onhand locations set shop --name 'The shop' --priority 10"))
@with_gateway
def set_location(
    gateway: Gateway,
    location: Annotated[str, typer.Argument(help="Id of the location.")],
    name: Name = None,
    priority: Annotated[int, typer.Option(help="Orders are served from the lowest that can.")] = 100,
) -> None:
    """Say what a location is, all of it anew."""
    gateway.show("PUT", "locations", location, body={"name": name, "priority": priority})


@locations.command("list", epilog=examples("onhand locations list"))
@with_gateway
def list_locations(gateway: Gateway) -> None:
    """Show all locations, in the order in which they serve."""
    gateway.show("GET", "locations")
