"""Writes one note for each order that is confirmed or rejected, and tells that it is written."""

from collections.abc import Sequence
from uuid import UUID

from onhand.common.contracts import Event, OrderConfirmed, OrderRejected
from onhand.common.database import Transaction
from onhand.common.message_service import serve_messages
from onhand.common.messaging.envelope import Publish, Received
from onhand.common.messaging.subscriptions import Subscription
from onhand.common.service import run
from onhand.common.settings import Port, PostgresUrl, Settings

WORDS = {OrderConfirmed: "Your order is being packed.", OrderRejected: "Your order cannot be filled."}


class NotificationSettings(Settings):
    """What this service is told by its environment."""

    notifications_port: Port = 3003
    notifications_database_url: PostgresUrl = ""


class NoteWritten(Event, frozen=True):
    """There is a note for a customer to read."""

    TYPE = "notifications.note-written.v1"
    TOPIC = "notifications.outcomes"
    SUBJECT = "order_id"

    order_id: UUID
    text: str


async def write_notes(batch: Sequence[Received[OrderConfirmed | OrderRejected]], tx: Transaction) -> list[Publish]:
    """Write one note for each order, however often it is told: the order's id is the primary key."""
    settled = {it.message.order_id: it for it in batch}
    rows = await tx.fetch(
        "INSERT INTO notes SELECT * FROM unnest($1::uuid[], $2::text[]) ORDER BY 1 ON CONFLICT DO NOTHING RETURNING *",
        list(settled),
        [WORDS[type(it.message)] for it in settled.values()],
    )
    return [Publish(NoteWritten(**row), settled[row["order_id"]]) for row in rows]


async def main(settings: NotificationSettings) -> None:
    """Serve until told to stop."""
    handlers = [Subscription(OrderConfirmed, write_notes), Subscription(OrderRejected, write_notes)]
    port, url = settings.notifications_port, settings.notifications_database_url
    await serve_messages("notifications", settings, port=port, database_url=url, subscriptions=handlers)


if __name__ == "__main__":
    run(main, NotificationSettings)
