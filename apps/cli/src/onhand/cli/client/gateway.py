"""How a command asks the gateway and shows what it says."""

import inspect
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Annotated, NamedTuple

import typer

from onhand.cli.api import Refused, ask
from onhand.cli.client.answers import show_answer
from onhand.cli.commands import AsJson
from onhand.common.settings import load_settings

Key = Annotated[
    str | None,
    typer.Option("--idempotency-key", metavar="KEY", help="A name of your own for it: sent again, it is done once."),
]


class Gateway(NamedTuple):
    """The gateway that a command speaks to.

    Attributes:
        actor: who asks.
        as_json: show answers as they come.
    """

    url: str
    actor: str | None
    as_json: bool

    def show(
        self,
        method: str,
        *segments: str,
        body: Mapping[str, object] | None = None,
        query: Mapping[str, object] | None = None,
        key: str | None = None,
        wait: int | None = None,
    ) -> None:
        """Send a request, and show the answer.

        Args:
            method: of HTTP.
            segments: of the path below `/api/gateway`, as they are.
            body: fields of it; those that are None are left out.
            query: parameters; those that are None are left out.
            key: under which it may be sent again.
            wait: seconds to wait for the outcome.

        Raises:
            OnhandError: it cannot be sent, nobody answers, or the answer is a problem.
        """
        headers = {
            "X-Actor": self.actor,
            "Idempotency-Key": None if key is None else _quoted(key),
            "Prefer": None if wait is None else f"wait={wait}",
        }
        try:
            answer = ask(
                self.url,
                method,
                *segments,
                body=None if body is None else _given(body),
                query=_given(query or {}),
                headers=_given(headers),
            )
        except Refused as problem:
            if self.as_json:
                typer.echo(problem.body)
            raise
        if self.as_json:
            typer.echo(answer)
        else:
            show_answer(answer)


def _choose(
    *,
    url: Annotated[
        str | None,
        typer.Option(envvar="ONHAND_URL", help="URL of the gateway.", show_default="http://127.0.0.1:$GATEWAY_PORT"),
    ] = None,
    actor: Annotated[
        str | None, typer.Option(envvar="ONHAND_ACTOR", metavar="NAME", help="Who you are, for the log.")
    ] = None,
    as_json: AsJson = False,
) -> Gateway:
    settings = load_settings()
    return Gateway(url or f"http://{settings.host}:{settings.gateway_port}", actor, as_json)


def with_gateway(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command whose first parameter is a `Gateway` the options by which one is chosen."""
    options = inspect.signature(_choose).parameters
    _, *own = inspect.signature(command).parameters.values()
    own = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in own]

    @wraps(command)
    def run(**values: object) -> None:
        gateway = _choose(**{name: values.pop(name) for name in options})  # type: ignore[arg-type]  # typer has seen to it
        command(gateway, **values)

    run.__signature__ = inspect.Signature([*own, *options.values()])  # type: ignore[attr-defined]  # typer reads it
    return run


def _given(fields: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in fields.items() if value is not None}


def _quoted(key: str) -> str:
    """A key as the header has it (RFC 9651, 3.3.3)."""
    escaped = key.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
