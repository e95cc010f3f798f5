"""Ids, numbers and moments as clients may give them in a path or a query: as text."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import falcon.asgi
import msgspec
from msgspec import UNSET, UnsetType

from onhand.common.contracts.message import LARGEST_INTEGER, Moment
from onhand.gateway.fields import OUT_OF_REACH, Identifier, LocationName, describe, within_reach
from onhand.gateway.problems import Problem, Violation, invalid_request

_MOST_VIOLATIONS = 20
_LONGEST_NAME = 128


def product_id_of(text: str) -> str:
    """A product's id from a path.

    Raises:
        Problem: 422, it can be no product's id.
    """
    product_id: str = _convert(_utf8(text, "productId"), Identifier, "productId")
    return product_id


def location_id_of(text: str) -> str:
    """A location's id from a path.

    Raises:
        Problem: 422, it can be no location's id.
    """
    location_id: str = _convert(_utf8(text, "locationId"), LocationName, "locationId")
    return location_id


def incoming_id_of(text: str) -> UUID:
    """The id of something expected, which the client may choose, from a path.

    Raises:
        Problem: 422, it is no UUID.
    """
    incoming_id: UUID = _convert(text, UUID, "incomingId")
    return incoming_id


def order_id_of(text: str) -> UUID:
    """An order's id from a path.

    Raises:
        Problem: 404, it can be no order's id.
    """
    return _own_id(text, "order")


def reservation_id_of(text: str) -> UUID:
    """A reservation's id from a path.

    Raises:
        Problem: 404, it can be no reservation's id.
    """
    return _own_id(text, "reservation")


def quantity_of(request: falcon.asgi.Request) -> int | UnsetType:
    """The quantity in a query string, if there is one.

    Raises:
        Problem: 422, it is given more than once, or is no whole number from 1 to 2^31-1.
    """
    return _whole_number(request, "quantity", LARGEST_INTEGER)


def limit_of(request: falcon.asgi.Request, largest: int) -> int | UnsetType:
    """How many of something are wanted, if the query string says so.

    Raises:
        Problem: 422, it is given more than once, or is no whole number from 1 to the largest.
    """
    return _whole_number(request, "limit", largest)


def moment_of(request: falcon.asgi.Request, name: str = "at") -> datetime | UnsetType:
    """The moment in a query string, if there is one.

    Raises:
        Problem: 422, it is given more than once, or is no date and time with its offset, or cannot be stored.
    """
    text = _once(request.get_param_as_list(name), name)
    if text is None:
        return UNSET
    moment: datetime = _convert(text.replace(" ", "+"), Moment, name)  # a plus that was not percent-encoded
    if not within_reach(moment):
        raise invalid_request(Violation(OUT_OF_REACH, parameter=name))
    return moment.astimezone(UTC)


def text_of(request: falcon.asgi.Request, name: str, kind: object = str) -> str | UnsetType:
    """The text in a query string, if there is one.

    Args:
        request: it is read from.
        name: of the parameter.
        kind: of text: `Identifier`, `Label`, `LocationName`.

    Raises:
        Problem: 422, it is given more than once, or is none of its kind.
    """
    text = _once(request.get_param_as_list(name), name)
    if text is None:
        return UNSET
    found: str = _convert(_utf8(text, name), kind, name)
    return found


def choice_of(request: falcon.asgi.Request, name: str, choices: Sequence[str]) -> Any:  # noqa: ANN401  # one of them
    """Which of several words the query string says, if any.

    Raises:
        Problem: 422, it is given more than once, or says something else.
    """
    text = _once(request.get_param_as_list(name), name)
    if text is None:
        return UNSET
    if text not in choices:
        raise invalid_request(Violation(f"must be one of {', '.join(choices)}", parameter=name))
    return text


def flag_of(request: falcon.asgi.Request, name: str) -> bool:
    """Whether the query string says `true`; if it says nothing, it is not so.

    Raises:
        Problem: 422, it is given more than once, or says neither `true` nor `false`.
    """
    return bool(choice_of(request, name, ("true", "false")) == "true")


def refuse_others(request: falcon.asgi.Request, known: Collection[str]) -> None:
    """Make sure that a query string has no parameter that is not known: it would be taken for a filter, and not be one.

    Raises:
        Problem: 422, it has.
    """
    others = [name for name in request.params if name not in known][:_MOST_VIOLATIONS]
    if others:
        fault = f"is none of {', '.join(known)}"
        raise invalid_request(*(Violation(fault, parameter=name[:_LONGEST_NAME]) for name in others))


def _own_id(text: str, kind: str) -> UUID:
    """An id that we made ourselves: with any other text there is nothing."""
    try:
        return msgspec.convert(text, UUID)
    except msgspec.ValidationError:
        detail = f"There is no such {kind}: {kind} ids are UUIDs."
        raise Problem(404, f"{kind}-not-found", detail) from None


def _utf8(text: str, name: str) -> str:
    if "\ufffd" in text:  # the server put it in place of bytes that it could not decode: many paths, one id
        raise invalid_request(Violation("must be percent-encoded UTF-8", parameter=name))
    return text


def _convert(text: str, kind: Any, name: str) -> Any:  # noqa: ANN401  # what kind says
    try:
        return msgspec.convert(text, kind)
    except msgspec.ValidationError as error:
        raise invalid_request(Violation(describe(error), parameter=name)) from None


def _whole_number(request: falcon.asgi.Request, name: str, largest: int) -> int | UnsetType:
    text = _once(request.get_param_as_list(name), name)
    if text is None:
        return UNSET
    is_number = text.isascii() and text.isdigit() and len(text) <= len(str(largest))
    if not is_number or not 1 <= int(text) <= largest:
        raise invalid_request(Violation(f"must be a whole number from 1 to {largest}", parameter=name))
    return int(text)


def _once(texts: Sequence[str] | None, name: str) -> str | None:
    if texts is not None and len(texts) > 1:
        raise invalid_request(Violation("must be given once", parameter=name))
    return texts[0] if texts else None
