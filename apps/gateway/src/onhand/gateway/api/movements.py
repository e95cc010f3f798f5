"""Movements: stock that is received, adjusted, counted or carried elsewhere."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from onhand.common.contracts import AdjustStock, CountStock, Movement, ReceiveStock, TransferStock
from onhand.common.contracts.inventory import DEFAULT_LOCATION
from onhand.common.contracts.message import Change, Count, Quantity
from onhand.common.messaging.request_reply import Requests
from onhand.gateway.api.exchange import Request, Response, answer, ask
from onhand.gateway.body import read_body
from onhand.gateway.explanation import Body
from onhand.gateway.fields import Label, LocationName, Remark
from onhand.gateway.headers import read_headers
from onhand.gateway.parameters import product_id_of
from onhand.gateway.problems import Violation


class NewMovement(Body, frozen=True, kw_only=True, tag_field="type"):
    """What all kinds of movements have in common."""

    reason: Remark | UnsetType = UNSET
    reference: Label | UnsetType = UNSET


class Receipt(NewMovement, frozen=True, kw_only=True, tag="receive"):
    """Units have come in."""

    quantity: Quantity
    location_id: LocationName = DEFAULT_LOCATION
    incoming_id: UUID | UnsetType = UNSET


class Adjustment(NewMovement, frozen=True, kw_only=True, tag="adjust"):
    """There are more units than thought, or fewer."""

    TOGETHER = {"not": {"properties": {"quantity": {"const": 0}}}}  # noqa: RUF012  # a ClassVar of Body

    quantity: Change
    location_id: LocationName = DEFAULT_LOCATION

    def __post_init__(self) -> None:
        """Refuse what changes nothing."""
        if self.quantity == 0:
            raise ValueError("changes nothing")

    @classmethod
    def wrong_together(cls, given: dict[str, Any]) -> Iterator[Violation]:
        """An adjustment by nothing."""
        if (quantity := given.get("quantity")) == 0 and type(quantity) is int:
            yield Violation("must not be 0", pointer="/quantity")


class Stocktake(NewMovement, frozen=True, kw_only=True, tag="count"):
    """The units were counted."""

    on_hand: Count
    location_id: LocationName = DEFAULT_LOCATION


class Transfer(NewMovement, frozen=True, kw_only=True, tag="transfer"):
    """Units are carried from one location to another."""

    quantity: Quantity
    from_location_id: LocationName
    to_location_id: LocationName

    def __post_init__(self) -> None:
        """Refuse what goes nowhere."""
        if self.from_location_id == self.to_location_id:
            raise ValueError("goes nowhere")

    @classmethod
    def wrong_together(cls, given: dict[str, Any]) -> Iterator[Violation]:
        """A transfer from a location to itself."""
        if "toLocationId" in given and given["toLocationId"] == given.get("fromLocationId"):
            yield Violation("must be another location than fromLocationId", pointer="/toLocationId")


AnyMovement = Receipt | Adjustment | Stocktake | Transfer

COMMANDS: dict[type[NewMovement], type[Movement]] = {
    Receipt: ReceiveStock,
    Adjustment: AdjustStock,
    Stocktake: CountStock,
    Transfer: TransferStock,
}
"""Which command each kind of movement becomes."""


class Movements:
    """`/api/gateway/stock/{productId}/movements`."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests
        self._decoder: msgspec.json.Decoder[AnyMovement] = msgspec.json.Decoder(AnyMovement)

    async def on_post(self, request: Request, response: Response, product_id: str) -> None:
        """Move stock: 201 once it is on disk."""
        headers, product = read_headers(request), product_id_of(product_id)
        body = await read_body(request, self._decoder)
        movement_id = headers.new_id("movements", product)
        command = COMMANDS[type(body)](
            movement_id=movement_id,
            product_id=product,
            idempotency_key=headers.key,
            **msgspec.structs.asdict(body),  # the command has the fields of the body, under the same names
        )
        answer(response, await ask(self._requests, command, headers, movement_id=movement_id), status=201)
