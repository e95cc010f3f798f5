"""A client of event streams, as plain as one can be: it reads what comes, line by line, and comes again."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

import httpx

from tests.e2e.waiting import eventually

API = "/api/gateway"


class Event(NamedTuple):
    """Something that has happened, and the id that it came with."""

    position: str
    data: dict[str, Any]

    @property
    def step(self) -> tuple[str, int]:
        """Which entry of which order's log it is."""
        return self.data["orderId"], self.data["version"]


class Listening:
    """Listens in a thread of its own, and comes again when the stream ends, to one gateway after the other.

    Attributes:
        events: what has come, over all connections.
        heard: comments that have come.
        connections: streams that were begun.
        position: the last id that was told.
        begun_at: the first one, where it was to begin.
        refusals: statuses other than 200.
    """

    def __init__(self, urls: list[str], path: str, query: Mapping[str, str], position: str | None = None) -> None:
        self._urls = urls
        self._path = path
        self._query = query
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.events: list[Event] = []
        self.heard: list[str] = []
        self.connections = 0
        self.position = position
        self.begun_at = position
        self.refusals: list[int] = []

    def start(self) -> None:
        """Begin, and wait until the first stream is open."""
        self._thread.start()
        eventually(lambda: self.position or self.refusals)

    def stop(self) -> None:
        """Come no more, and wait for that."""
        self.leave()
        self._thread.join()

    def leave(self) -> None:
        """Come no more; the thread ends with the next thing that is heard, or that is not heard for a while."""
        self._is_over.set()

    @property
    def steps(self) -> list[tuple[str, int]]:
        """Which entries of which orders' logs have come."""
        return [event.step for event in self.events]

    def _run(self) -> None:
        limits = httpx.Timeout(5, read=0.5)
        with httpx.Client(timeout=limits, trust_env=False) as client:
            while not self._is_over.is_set():
                try:
                    self._listen(client, self._urls[self.connections % len(self._urls)])
                except httpx.TransportError:
                    self._is_over.wait(0.05)

    def _listen(self, client: httpx.Client, url: str) -> None:
        headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": self.position} if self.position else {})
        self.connections += 1
        with client.stream("GET", f"{url}{API}{self._path}", params=self._query, headers=headers) as answer:
            if answer.status_code != 200:
                self.refusals.append(answer.status_code)
                self._is_over.wait(0.1)
                return
            data = ""
            for line in answer.iter_lines():
                name, _, value = line.partition(": ")
                if name == "id":
                    self.position = value
                    self.begun_at = self.begun_at or value
                elif name == "data":
                    data = value
                elif not name and value:
                    self.heard.append(value)
                elif not line and data:
                    self.events.append(Event(str(self.position), json.loads(data)))
                    data = ""
                if self._is_over.is_set():
                    return


@contextmanager
def listening(urls: list[str], path: str = "/events", position: str | None = None, **query: str) -> Iterator[Listening]:
    """Listen for the length of the block."""
    client = Listening(urls, path, query, position)
    client.start()
    try:
        yield client
    finally:
        client.stop()
