"""Preferences of a client (RFC 7240): of all that there may be, how long it would wait for the outcome."""

import re
from collections.abc import Iterator

LONGEST_WAIT_SECONDS = 30
"""Who would wait for longer gets its answer by then."""

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # noqa: S105  # RFC 9110, 5.6.2
_WORD = rf'(?:{_TOKEN}|"(?:[^"\\]|\\.)*")'
_PARAMETER = rf";[ \t]*(?:{_TOKEN}(?:[ \t]*=[ \t]*{_WORD})?[ \t]*)?"
_NAME = re.compile(rf"[ \t]*({_TOKEN})")
_WAIT = re.compile(rf'(?i:wait)[ \t]*=[ \t]*(?:([0-9]+)|"([0-9]+)")[ \t]*(?:{_PARAMETER})*')


class UnclearWait(ValueError):
    """A client says that it would wait, and not how long."""


def wait_seconds(lines: list[str]) -> int | None:
    """How long a client would wait; None if it does not say.

    Other preferences are ignored, malformed ones among them; of several of the same name the first counts.

    Args:
        lines: values of the header, in order.

    Raises:
        UnclearWait: it does not say so in whole seconds.
    """
    for preference in _preferences(", ".join(lines)):
        name = _NAME.match(preference)
        if name is None or name[1].lower() != "wait":
            continue
        found = _WAIT.fullmatch(preference.strip(" \t"))
        if found is None:
            raise UnclearWait
        digits = (found[1] or found[2]).lstrip("0")
        return LONGEST_WAIT_SECONDS if len(digits) > 2 else min(int(digits or "0"), LONGEST_WAIT_SECONDS)
    return None


def _preferences(text: str) -> Iterator[str]:
    """The parts between commas that are not in quotes."""
    start, is_quoted, is_escaped = 0, False, False
    for place, character in enumerate(text):
        if is_escaped:
            is_escaped = False
        elif is_quoted and character == "\\":
            is_escaped = True
        elif character == '"':
            is_quoted = not is_quoted
        elif character == "," and not is_quoted:
            yield text[start:place]
            start = place + 1
    yield text[start:]
