"""What all lists do: take a cursor, and say where the next page is (RFC 8288)."""

from typing import Any, NamedTuple
from urllib.parse import urlencode

import msgspec
from msgspec import UNSET, UnsetType

from onhand.common.contracts import Query
from onhand.common.contracts.message import MOST_PER_PAGE
from onhand.common.messaging.envelope import Envelope
from onhand.gateway.api.exchange import Request, Response
from onhand.gateway.cursors import decode_cursor, encode_cursor
from onhand.gateway.parameters import limit_of, refuse_others, text_of

_DEFAULT_LIMIT = 50
_NO_FILTERS = frozenset({"about", "limit"})


class PageRequest(NamedTuple):
    """What a request for a page says beside its filters.

    Attributes:
        limit: most entries of the page.
        cursor: as it was given; it cannot be read before the filters are known.
    """

    limit: int
    cursor: str | UnsetType


def read_page_request(request: Request, filters: tuple[str, ...]) -> PageRequest:
    """Read the limit and the cursor.

    Args:
        request: it is read from.
        filters: names of the parameters that there may be besides.

    Raises:
        Problem: 422, one of them is given more than once or is wrong, or there are other parameters.
    """
    refuse_others(request, (*filters, "limit", "cursor"))
    return PageRequest(limit_of(request, MOST_PER_PAGE) or _DEFAULT_LIMIT, text_of(request, "cursor"))


def position_in(page: PageRequest, path: str, query: Query, kind: Any) -> Any:  # noqa: ANN401  # what kind says, or UNSET
    """Where a page begins: after this entry, or at the beginning of the list.

    Args:
        page: what was asked for.
        path: of the list.
        query: the same, with its filters, and without a position.
        kind: of the position.

    Raises:
        Problem: 422, the cursor was not given for this list with these filters.
    """
    return UNSET if page.cursor is UNSET else decode_cursor(page.cursor, _listed(path, query), kind)


def answer_page(response: Response, reply: Envelope, name: str, path: str, query: Query) -> None:
    """Answer with a page, and where the next one is if there is one.

    Args:
        response: it is written to.
        reply: has the entries and the position of the last one that was looked at.
        name: of the field that has the entries.
        path: of the list.
        query: what was asked, without a position.
    """
    said = msgspec.json.decode(bytes(reply.data), type=dict[str, msgspec.Raw])
    body: dict[str, object] = {name: said[name]}
    if "next" in said:
        listed = _listed(path, query)
        cursor = encode_cursor(msgspec.json.decode(said["next"], type=str), listed)
        limit = getattr(query, "limit", _DEFAULT_LIMIT)
        body["next"] = f"{listed}{'&' if '?' in listed else '?'}{urlencode({'limit': limit, 'cursor': cursor})}"
        response.set_header("Link", f'<{body["next"]}>; rel="next"')
    response.data = msgspec.json.encode(body)


def _listed(path: str, query: Query) -> str:
    """The list with its filters, always written the same way."""
    given: dict[str, object] = msgspec.to_builtins(query)
    filters = {
        name: str(value).lower() if isinstance(value, bool) else value
        for name, value in given.items()
        if name not in _NO_FILTERS
    }
    return f"{path}?{urlencode(filters)}" if filters else path
