"""Speaks to the gateway over HTTP, as any other client would."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from urllib.parse import quote

import httpx
import msgspec

from onhand.common.errors import OnhandError

LONGEST_WAIT_SECONDS = 70.0
"""Longer than the gateway itself may be set to wait for a reply."""
NO_ANSWER = 5
"""Exit code when the gateway cannot be reached, or has no answer in time."""
NOT_NOW = frozenset({502, 503, 504})
"""What the gateway, or a proxy before it, answers when it can do nothing about a request now."""


class NoGateway(OnhandError):
    """Nothing answers where the gateway should be."""

    exit_code = NO_ANSWER


class NotText(OnhandError):
    """What should be sent is not text."""

    exit_code = 2


class Refused(OnhandError):
    """The gateway answered with a problem.

    Attributes:
        body: the problem as it came.
        status: of HTTP.
    """

    def __init__(self, message: str, body: bytes, status: int = 0) -> None:
        super().__init__(message)
        self.body = body
        self.status = status
        if status in NOT_NOW:
            self.exit_code = NO_ANSWER


class _Detail(msgspec.Struct):
    detail: str
    pointer: str = ""
    parameter: str = ""


class _Line(msgspec.Struct, rename="camel"):
    product_id: str
    requested: int
    available: int


class _Problem(msgspec.Struct):
    title: str
    detail: str = ""
    errors: list[_Detail] = []
    lines: list[_Line] = []

    def __str__(self) -> str:
        if self.errors:
            return "\n".join(f"{error.pointer or error.parameter or 'body'}: {error.detail}" for error in self.errors)
        short = [
            f"{line.product_id}: {line.requested} asked for, {line.available} there"
            for line in self.lines
            if line.requested > line.available
        ]
        return "\n".join((self.detail or self.title, *short))


def open_client() -> httpx.Client:
    """Make what requests are sent with; whoever sends many of them makes one for all."""
    # Not through a proxy that the environment names: the gateway is on this machine, or named on purpose.
    return httpx.Client(timeout=LONGEST_WAIT_SECONDS, trust_env=False)


def ask(
    url: str,
    method: str,
    *segments: str,
    body: Mapping[str, object] | bytes | None = None,
    query: Mapping[str, object] | None = None,
    headers: Mapping[str, object] | None = None,
    client: httpx.Client | None = None,
) -> bytes:
    """Send a request to the gateway and return the body of its answer.

    Args:
        url: of the gateway.
        method: of HTTP.
        segments: of the path below `/api/gateway`, as they are.
        body: to send as JSON, or bytes to send as they are.
        query: parameters.
        headers: to send along.
        client: to send it with; one of its own, if there is none.

    Raises:
        NotText: it cannot be sent.
        NoGateway: no answer.
        Refused: the answer is a problem; one line for each thing that is wrong.
    """
    with _in_words(url), open_client() if client is None else nullcontext(client) as sender:
        where, parameters, encoded = _encoded(url, segments, query, headers)
        if isinstance(body, bytes):
            response = sender.request(method, where, content=body, params=parameters, headers=encoded)
        else:
            response = sender.request(method, where, json=body, params=parameters, headers=encoded)
    if response.is_error:
        raise Refused(_describe(response), response.content, response.status_code)
    return response.content


def listen(
    url: str,
    *segments: str,
    query: Mapping[str, object] | None = None,
    headers: Mapping[str, object] | None = None,
    patience_seconds: float,
) -> Iterator[bytes]:
    """Open a stream of events and yield its lines, until the gateway ends it.

    Args:
        url: of the gateway.
        segments: of the path below `/api/gateway`, as they are.
        query: parameters.
        headers: to send along.
        patience_seconds: for how long nothing may come.

    Raises:
        NotText: it cannot be asked for.
        NoGateway: no answer, or it broke off.
        Refused: the answer is a problem.
    """
    rest = b""
    with _in_words(url), open_client() as client:
        where, parameters, encoded = _encoded(
            url, segments, query, {"Accept": "text/event-stream"} | dict(headers or {})
        )
        with client.stream("GET", where, params=parameters, headers=encoded, timeout=patience_seconds) as response:
            if response.is_error:
                response.read()
                raise Refused(_describe(response), response.content, response.status_code)
            # By hand, because httpx takes more for the end of a line than there is in a stream of events.
            for some in response.iter_bytes():
                *lines, rest = (rest + some).split(b"\n")
                yield from lines


def _encoded(
    url: str, segments: Sequence[str], query: Mapping[str, object] | None, headers: Mapping[str, object] | None
) -> tuple[str, dict[str, str], dict[bytes, bytes]]:
    """URL, parameters and headers as they are sent."""
    path = "/".join(quote(segment, safe="") for segment in segments)
    parameters = {name: str(value) for name, value in (query or {}).items()}
    encoded = {name.encode(): str(value).encode() for name, value in (headers or {}).items()}
    return f"{url.rstrip('/')}/api/gateway/{path}", parameters, encoded


@contextmanager
def _in_words(url: str) -> Iterator[None]:
    """Say what keeps a request from being sent or answered."""
    try:
        yield
    except UnicodeEncodeError:
        raise NotText("an argument is not valid UTF-8") from None
    except httpx.LocalProtocolError:
        raise NotText("an argument that is sent as a header has control characters") from None
    except (httpx.ConnectError, httpx.InvalidURL, httpx.UnsupportedProtocol):
        raise NoGateway(f"no gateway at {url}: is it running? `onhand start` starts it") from None
    except httpx.TransportError as error:
        raise NoGateway(
            f"the gateway at {url} gave no answer ({type(error).__name__}): what it did is unknown"
        ) from None


def _describe(response: httpx.Response) -> str:
    try:
        return str(msgspec.json.decode(response.content, type=_Problem))
    except msgspec.DecodeError:
        return f"{response.url} answered {response.status_code} {response.reason_phrase}"
