"""Ids and numbers as clients may give them: in a body, or as text in a path or a query."""

from collections.abc import Sequence
from typing import Annotated

import msgspec
from msgspec import Meta

from onhand.common.contracts.message import LARGEST_INTEGER
from onhand.gateway.problems import Violation, describe, invalid_request

# PostgreSQL's text cannot hold NUL, UTF-8 cannot hold surrogates, and a slash would end the id in a URL's path.
Identifier = Annotated[str, Meta(min_length=1, max_length=128, pattern=r"\A[^\x00-\x1f\x7f/\ud800-\udfff]*\Z")]
"""A product's or a customer's id."""

_MOST_DIGITS = len(str(LARGEST_INTEGER))


def product_id_of(text: str) -> str:
    """A product's id from a path.

    Raises:
        Problem: 422, it can be no product's id.
    """
    if "\ufffd" in text:  # the server put it in place of bytes that it could not decode: many paths, one id
        raise invalid_request(Violation("must be percent-encoded UTF-8", parameter="productId"))
    try:
        product_id: str = msgspec.convert(text, Identifier)
    except msgspec.ValidationError as error:
        raise invalid_request(Violation(describe(error), parameter="productId")) from None
    return product_id


def quantity_of(texts: Sequence[str]) -> int:
    """A quantity from a query string: all that it gives under that name.

    Raises:
        Problem: 422, it is given more than once, or is no whole number from 1 to 2^31-1.
    """
    if len(texts) > 1:
        raise invalid_request(Violation("must be given once", parameter="quantity"))
    text = texts[0]
    is_number = text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS
    if not is_number or not 1 <= int(text) <= LARGEST_INTEGER:
        raise invalid_request(Violation(f"must be a whole number from 1 to {LARGEST_INTEGER}", parameter="quantity"))
    return int(text)
