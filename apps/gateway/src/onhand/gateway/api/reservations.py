"""Reservations: units held for a while without an order."""

import msgspec
from msgspec import UNSET, UnsetType

from onhand.common.contracts import ExtendHold, GetHold, HoldStock, ReleaseHold
from onhand.common.contracts.holds import TtlSeconds
from onhand.common.messaging.request_reply import Requests
from onhand.gateway.api.exchange import Request, Response, answer, ask
from onhand.gateway.body import read_body
from onhand.gateway.explanation import Body
from onhand.gateway.fields import Label
from onhand.gateway.headers import read_headers
from onhand.gateway.lines import NewLines, merged
from onhand.gateway.parameters import reservation_id_of


class NewReservation(Body, frozen=True):
    """What is to be held, and for how long."""

    lines: NewLines
    ttl_seconds: TtlSeconds
    reference: Label | UnsetType = UNSET


class Extension(Body, frozen=True):
    """For how long from now on it is to be held."""

    ttl_seconds: TtlSeconds


class Reservations:
    """`/api/gateway/reservations` and one of them, `/{reservationId}` and `/extend` below."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests
        self._decoder = msgspec.json.Decoder(NewReservation)
        self._extensions = msgspec.json.Decoder(Extension)

    async def on_post(self, request: Request, response: Response) -> None:
        """Hold units of all lines, or none: 201 once they are held."""
        headers = read_headers(request)
        body = await read_body(request, self._decoder)
        reservation_id = headers.new_id("reservations")
        command = HoldStock(
            reservation_id=reservation_id,
            lines=merged(body.lines),
            ttl_seconds=body.ttl_seconds,
            reference=body.reference,
        )
        reply = await ask(self._requests, command, headers, lines=body.lines, reservation_id=reservation_id)
        answer(response, reply, status=201)
        response.set_header("Location", f"/api/gateway/reservations/{reservation_id}")

    async def on_get_one(self, request: Request, response: Response, reservation_id: str) -> None:
        """Tell a reservation as it stands."""
        query = GetHold(reservation_id=reservation_id_of(reservation_id))
        answer(response, await ask(self._requests, query, read_headers(request)))

    async def on_delete_one(self, request: Request, response: Response, reservation_id: str) -> None:
        """Hold it no longer. To do it again changes nothing."""
        command = ReleaseHold(reservation_id=reservation_id_of(reservation_id))
        answer(response, await ask(self._requests, command, read_headers(request)))

    async def on_post_extend(self, request: Request, response: Response, reservation_id: str) -> None:
        """Hold it for so long from now on; once, if it is sent again under the same key."""
        headers, reservation = read_headers(request), reservation_id_of(reservation_id)
        body = await read_body(request, self._extensions)
        extension_id = UNSET if headers.key is UNSET else headers.new_id("extend", str(reservation))
        command = ExtendHold(reservation_id=reservation, ttl_seconds=body.ttl_seconds, extension_id=extension_id)
        answer(response, await ask(self._requests, command, headers))
