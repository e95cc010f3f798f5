"""Some of what there is, by the names that were given on the command line."""

from collections.abc import Iterable, Sequence
from typing import Protocol, TypeVar

import typer


class _Named(Protocol):
    @property
    def name(self) -> str: ...


NamedT = TypeVar("NamedT", bound=_Named)


def choose(names: Sequence[str] | None, of: Iterable[NamedT]) -> list[NamedT]:
    """Those that are named, each once and in the order of the names; all of them if none is.

    Raises:
        typer.BadParameter: there is none of a name.
    """
    known = {it.name: it for it in of}
    unknown = [name for name in names or () if name not in known]
    if unknown:
        raise typer.BadParameter(f"{', '.join(unknown)}: there are {', '.join(known)}")
    return [known[name] for name in dict.fromkeys(names or known)]
