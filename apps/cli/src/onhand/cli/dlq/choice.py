"""Which dead letters a person means: by id, or by what they have in common."""

import inspect
import re
from collections.abc import Callable, Sequence
from datetime import datetime
from enum import StrEnum
from functools import wraps
from typing import Annotated, NamedTuple

import typer

from onhand.cli.moments import parse_time
from onhand.cli.system import System
from onhand.common.errors import OnhandError
from onhand.common.settings import load_settings

_LARGEST_ID = 2**63 - 1


class BadChoice(OnhandError):
    """What a person typed names no dead letter, or names them in two ways at once."""

    exit_code = 2


class State(StrEnum):
    """Whether a handler failed on a message, or it waits behind one with the same key."""

    FAILED = "failed"
    PARKED = "parked"


class LetterId(NamedTuple):
    """What a person calls a dead letter: `orders/12`."""

    service: str
    row: int

    def __str__(self) -> str:
        return f"{self.service}/{self.row}"


class Choice(NamedTuple):
    """Dead letters by id, or all that have something in common; None is in common with all.

    Attributes:
        ids: if there are any, these alone.
        type: part of it.
        error: part of it, whatever the case of its letters.
        since: when the message was buried or parked, at the earliest.
        before: the same, and earlier than this.
    """

    ids: Sequence[LetterId] = ()
    service: str | None = None
    topic: str | None = None
    type: str | None = None
    key: str | None = None
    error: str | None = None
    since: datetime | None = None
    before: datetime | None = None
    state: State | None = None

    @property
    def is_everything(self) -> bool:
        """Whether nothing was chosen at all."""
        return self == Choice()

    @property
    def services(self) -> list[str]:
        """Where to look."""
        named = {letter_id.service for letter_id in self.ids} or ({self.service} if self.service else set())
        return [service for service in owners() if not named or service in named]


def owners() -> list[str]:
    """The services that keep dead letters."""
    return System(load_settings()).owners


def parse_id(text: str) -> LetterId:
    """Read an id as a person types it.

    Raises:
        BadChoice: it is none.
    """
    service, _, row = text.partition("/")
    if service not in owners() or not re.fullmatch(r"[0-9]{1,19}", row) or int(row) > _LARGEST_ID:
        raise BadChoice(
            f"{text!r} is no id of a dead letter: it should be like orders/12, as `onhand dlq list` shows it"
        )
    return LetterId(service, int(row))


def _choose(  # noqa: PLR0913  # each is an option of its own
    *,
    ids: Annotated[
        list[str] | None, typer.Argument(metavar="ID", help="Such as orders/12.", show_default=False)
    ] = None,
    service: Annotated[str | None, typer.Option(help="Only of this service.", show_default="all")] = None,
    topic: Annotated[str | None, typer.Option(help="Only from this topic.")] = None,
    type: Annotated[str | None, typer.Option(help="Only with this in the type.")] = None,  # noqa: A002  # the option's name
    key: Annotated[str | None, typer.Option(help="Only about this, such as an order's id.")] = None,
    error: Annotated[str | None, typer.Option(metavar="TEXT", help="Only with this in the error.")] = None,
    since: Annotated[str | None, typer.Option(metavar="TIME", help="Only from then on: 2h ago, or a date.")] = None,
    before: Annotated[str | None, typer.Option(metavar="TIME", help="Only from before then.")] = None,
    state: Annotated[State | None, typer.Option(help="Only these.", show_default=False)] = None,
) -> Choice:
    chosen = Choice(
        tuple(parse_id(text) for text in dict.fromkeys(ids or ())),
        service,
        topic,
        type,
        key,
        error,
        parse_time(since) if since else None,
        parse_time(before) if before else None,
        state,
    )
    if service is not None and service not in owners():
        raise BadChoice(f"no service {service!r} keeps dead letters: there are {', '.join(owners())}")
    if chosen.ids and chosen._replace(ids=()) != Choice():
        raise BadChoice("ids and filters at once: name ids, or choose by filters")
    return chosen


def with_choice(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command whose first parameter is a `Choice` the options by which one is made."""
    options = inspect.signature(_choose).parameters
    _, *own = inspect.signature(command).parameters.values()
    own = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in own]

    @wraps(command)
    def run(**values: object) -> None:
        choice = _choose(**{name: values.pop(name) for name in options})  # type: ignore[arg-type]  # typer has seen to it
        command(choice, **values)

    run.__signature__ = inspect.Signature([*options.values(), *own])  # type: ignore[attr-defined]  # typer reads it
    return run
