"""The gate: refuses requests that are too many before anything is paid for them.

Under a load several times of what can be carried, most requests are refused, and what a refusal costs is taken from the
orders that are not. So it happens as soon as a request's head is read, with an answer that is made once.
"""

from onhand.common.errors import Unavailable
from onhand.common.messaging.request_reply import Requests
from onhand.gateway.live.hub import Live
from onhand.gateway.problems import encode_unavailable

_API = b"/api/"
_HARMLESS = frozenset({b"GET", b"HEAD"})


class Gate:
    """Says which requests are too many.

    Args:
        requests: knows how much is under way.
        live: knows what is under way and waits for no reply.
    """

    def __init__(self, requests: Requests, live: Live) -> None:
        self._requests = requests
        self._live = live
        self._answers: dict[Unavailable, bytes] = {}

    def refuse(self, method: bytes, target: bytes, under_way: int) -> bytes | None:
        """The whole answer to a request that is one too many, or None.

        A target in an unusual form (`/%61pi/`, or with a host) passes, and is refused where it would be sent.

        Args:
            method: of the request.
            target: of the request.
            under_way: how many requests were let in and have no answer yet. Many come in one turn of the event loop,
                and none of them is sent before the next.
        """
        if not target.startswith(_API):
            return None
        under_way -= self._live.streaming
        refusal = self._requests.overload(changes=method not in _HARMLESS, under_way=under_way)
        if refusal is None:
            return None
        return self._answers.get(refusal) or self._make_answer(refusal)

    def _make_answer(self, refusal: Unavailable) -> bytes:
        return self._answers.setdefault(refusal, encode_unavailable(refusal))
