"""Lines of a request: each product may come more than once, and goes on once."""

import re
from collections.abc import Sequence
from typing import Annotated

from msgspec import Meta

from onhand.common.contracts import Line
from onhand.common.contracts.message import LARGEST_INTEGER, MOST_LINES, Quantity
from onhand.gateway.fields import Identifier
from onhand.gateway.problems import Violation, invalid_request

_TOO_MANY = f"makes more than {LARGEST_INTEGER} of the product, together with the lines before"
_POINTER = re.compile(r"/lines/(\d{1,3})(/.*)?")


class NewLine(Line, frozen=True, forbid_unknown_fields=True):
    """A line as a client sends it: the contract's, and strict about ids and unknown fields."""

    product_id: Identifier
    quantity: Quantity


NewLines = Annotated[tuple[NewLine, ...], Meta(min_length=1, max_length=MOST_LINES)]


def merged(lines: Sequence[Line]) -> tuple[Line, ...]:
    """Sum up lines for the same product, in the order in which the products first come.

    Raises:
        Problem: 422, the sum is too large; it names each line that makes it so.
    """
    units: dict[str, int] = {}
    violations = []
    for number, line in enumerate(lines):
        total = units.get(line.product_id, 0) + line.quantity
        if total > LARGEST_INTEGER:
            violations.append(Violation(_TOO_MANY, pointer=f"/lines/{number}/quantity"))
        else:
            units[line.product_id] = total
    if violations:
        raise invalid_request(*violations)
    if len(units) == len(lines):
        return tuple(lines)
    return tuple(Line(product_id=product_id, quantity=quantity) for product_id, quantity in units.items())


def pointer_into(lines: Sequence[Line], pointer: str) -> str:
    """Turn a pointer into `merged(lines)` into one into the lines as they came: the first one of the product."""
    match = _POINTER.fullmatch(pointer)
    firsts = {line.product_id: number for number, line in reversed(list(enumerate(lines)))}
    if match is None or int(match[1]) >= len(firsts):
        return pointer
    return f"/lines/{sorted(firsts.values())[int(match[1])]}{match[2] or ''}"
