"""What clients may put in a field or a parameter: bounded texts, moments, and how a fault in one is told."""

import re
from datetime import UTC, datetime
from typing import Annotated

import msgspec
from msgspec import Meta

# PostgreSQL's text cannot hold NUL, UTF-8 cannot hold surrogates, and a slash would end the id in a URL's path.
_ID = r"\A[^\x00-\x1f\x7f/\ud800-\udfff]*\Z"
_ONE_LINE = r"\A[^\x00-\x1f\x7f\ud800-\udfff]*\Z"
_ASCII = r"\A[ -~]*\Z"
_LINES = r"\A[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]*\Z"

Identifier = Annotated[str, Meta(min_length=1, max_length=128, pattern=_ID)]
"""A product's or a customer's id."""
LocationName = Annotated[str, Meta(min_length=1, max_length=64, pattern=_ID)]
"""A location's id."""
Label = Annotated[str, Meta(min_length=1, max_length=128, pattern=_ONE_LINE)]
"""What the client calls it."""
Title = Annotated[str, Meta(min_length=1, max_length=200, pattern=_ONE_LINE)]
"""What people call it."""
Remark = Annotated[str, Meta(min_length=1, max_length=500, pattern=_LINES)]
"""Somebody's words."""
ItemKey = Annotated[str, Meta(min_length=1, max_length=255, pattern=_ASCII)]
"""An idempotency key, as the header may have it."""
Labels = Annotated[
    dict[
        Annotated[str, Meta(min_length=1, max_length=64, pattern=_ONE_LINE)],
        Annotated[str, Meta(max_length=500, pattern=_LINES)],
    ],
    Meta(max_length=20),
]
"""What a client wants to find again."""
# In every time zone they are moments that Python and PostgreSQL can tell.
_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST = datetime(9999, 1, 1, tzinfo=UTC)

_WORDS = tuple(
    (re.compile(pattern), words)
    for pattern, words in (
        (r"Expected `str` matching regex .*x7f/", "must not contain control characters, surrogates or a slash"),
        (r"Expected `str` matching regex .*\[ -~\]", "must be printable ASCII"),
        (r"Expected `str` matching regex", "must not contain control characters or surrogates"),
        (r"Expected `str` of length >= 1\b", "must not be empty"),
        (r"Expected `str` of length <= (\d+)", r"must have at most \1 characters"),
        (r"Expected `int` >= (-?\d+)", r"must be at least \1"),
        (r"Expected `int` <= (\d+)", r"must be at most \1"),
        (r"Expected `int`, got `\w+`", "must be a whole number"),
        (r"Expected `str`, got `\w+`", "must be a string"),
        (r"Expected `bool`, got `\w+`", "must be true or false"),
        (r"Invalid UUID|Expected `uuid`", "must be a UUID"),
        (
            r"Invalid RFC3339|Expected `datetime`",
            "must be a date and time with its offset, as in RFC 3339: 2026-11-25T09:30:00Z",
        ),
    )
)


def describe(error: msgspec.ValidationError) -> str:
    """A validation error in words for the client, who does not know Python."""
    for pattern, words in _WORDS:
        if match := pattern.match(str(error)):
            return match.expand(words)
    return str(error)


def within_reach(moment: datetime) -> bool:
    """Whether a moment is one that can be stored."""
    return _EARLIEST <= moment < _LATEST


OUT_OF_REACH = f"must be from {_EARLIEST:%Y} on and before {_LATEST:%Y}"
"""What is said of a moment that cannot be stored."""
