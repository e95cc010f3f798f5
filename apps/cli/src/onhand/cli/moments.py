"""Moments as a person types them."""

import re
from datetime import UTC, datetime, timedelta

from onhand.common.errors import OnhandError

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


class BadMoment(OnhandError):
    """What a person typed is no moment."""

    exit_code = 2


def parse_date(text: str) -> datetime:
    """Read a moment as ISO 8601 writes it, on this machine's clock if it says no other.

    Raises:
        BadMoment: it is none.
    """
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadMoment(f"{text!r} is no moment: it should be like 2026-11-24 or 2026-11-24T08:30") from None


def parse_time(text: str) -> datetime:
    """Read a moment of the past: `2h` is two hours ago, everything else is a date.

    Raises:
        BadMoment: it is none.
    """
    try:
        if ago := re.fullmatch(r"([0-9]{1,6})([smhd])", text):
            return datetime.now(UTC) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        return parse_date(text)
    except (BadMoment, OverflowError):
        raise BadMoment(
            f"{text!r} is no moment: it should be like 30m, 2h, 1d, 2026-11-24 or 2026-11-24T08:30"
        ) from None
