"""The one log of everything that runs: each line behind the name of who wrote it."""

import os
from collections.abc import Iterable
from typing import BinaryIO

_COLOURS = (36, 33, 32, 35, 34, 96)  # of the terminal's own palette; no red, which would look like an error


class Log:
    """Writes lines to a stream, with a padded name before each, coloured on a terminal unless NO_COLOR is set."""

    def __init__(self, stream: BinaryIO, names: Iterable[str]) -> None:
        names = list(names)
        width = max(map(len, names))
        colour = stream.isatty() and not os.environ.get("NO_COLOR")
        self._prefixes = {
            name: (
                f"\x1b[{_COLOURS[i % len(_COLOURS)]}m{name:<{width}} |\x1b[0m " if colour else f"{name:<{width}} | "
            ).encode()
            for i, name in enumerate(names)
        }
        self._stream = stream
        self._closed = False

    def write(self, name: str, line: bytes) -> None:
        """Write one line of a program."""
        self._put(self._prefixes[name] + line.rstrip(b"\r\n") + b"\n")

    def say(self, line: str) -> None:
        """Write one line of our own."""
        self.write("onhand", line.encode())

    def plain(self, text: str) -> None:
        """Write a text without names, to be copied."""
        self._put(text.encode() + b"\n")

    def _put(self, data: bytes) -> None:
        if self._closed:
            return
        try:
            self._stream.write(data)
            self._stream.flush()
        except BrokenPipeError:  # whoever read the log has gone; the programs have not
            self._closed = True
