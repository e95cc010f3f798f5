"""The gate: refuses requests that are too many before anything is paid for them.

Under a load several times of what can be carried, most requests are refused, and what a refusal costs is taken from the
orders that are not. So it happens before routing, and with an answer that is made once.
"""

from typing import Any

from onhand.common.errors import Unavailable
from onhand.common.health import HttpApp
from onhand.common.messaging.request_reply import Requests
from onhand.gateway.problems import encode_unavailable

_API = "/api/"
_HARMLESS = frozenset({"GET", "HEAD"})


class Gate:
    """An ASGI application that answers 503 itself, or lets another answer.

    Args:
        app: answers what is let in.
        requests: knows how much is under way.
    """

    def __init__(self, app: HttpApp, requests: Requests) -> None:
        self._app = app
        self._requests = requests
        self._answers: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401  # as ASGI has them
        """Serve one request (https://asgi.readthedocs.io/en/latest/specs/www.html)."""
        if scope["type"] == "http" and scope["path"].startswith(_API):
            refusal = self._requests.overload(changes=scope["method"] not in _HARMLESS)
            if refusal is not None:
                start, body = self._answers.get(str(refusal)) or self._make_answer(refusal)
                await send(start)
                await send(body)
                return
        await self._app(scope, receive, send)

    def _make_answer(self, refusal: Unavailable) -> tuple[dict[str, Any], dict[str, Any]]:
        headers, content = encode_unavailable(refusal)
        encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
        answer = (
            {"type": "http.response.start", "status": 503, "headers": encoded},
            {"type": "http.response.body", "body": content},
        )
        self._answers[str(refusal)] = answer
        return answer
