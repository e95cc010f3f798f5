"""What a person types as `NAME=VALUE`, again and again."""

from collections.abc import Sequence
from typing import Annotated

import typer

from onhand.common.errors import OnhandError

Lines = Annotated[
    list[str] | None,
    typer.Option("--line", "-l", metavar="PRODUCT=QUANTITY", help="Units of a product; may be given again."),
]


class BadUsage(OnhandError):
    """What a person typed does not go together, or is not of the form that is asked for."""

    exit_code = 2


def parse_lines(texts: Sequence[str] | None) -> list[dict[str, object]] | None:
    """Read lines of an order, as JSON has them; None if there are none.

    Raises:
        BadUsage: one is not like `PRODUCT=QUANTITY`.
    """
    if not texts:
        return None
    lines: list[dict[str, object]] = []
    for text in texts:
        product, equals, quantity = text.rpartition("=")
        try:
            lines.append({"productId": product, "quantity": int(quantity)})
        except ValueError:
            equals = ""
        if not equals:
            raise BadUsage(f"--line {text!r} should be like 123=5: a product's id, and how many of it")
    return lines


def parse_pairs(texts: Sequence[str] | None) -> dict[str, str] | None:
    """Read names and values; None if there are none.

    Raises:
        BadUsage: one is not like `NAME=VALUE`, or a name comes twice.
    """
    pairs: dict[str, str] = {}
    for text in texts or ():
        name, equals, value = text.partition("=")
        if not equals or name in pairs:
            raise BadUsage(f"--metadata {text!r} should be like channel=web, and each name should come once")
        pairs[name] = value
    return pairs or None
