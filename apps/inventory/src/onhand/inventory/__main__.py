"""Runs the Inventory service: `python -m onhand.inventory`."""

from onhand.common.message_service import serve_messages
from onhand.common.service import run
from onhand.common.settings import Settings
from onhand.inventory.subscriptions import QUERIES, SUBSCRIPTIONS, timers


async def main(settings: Settings) -> None:
    """Serve until told to stop."""
    await serve_messages(
        "inventory",
        settings,
        port=settings.inventory_port,
        database_url=settings.inventory_database_url,
        subscriptions=SUBSCRIPTIONS,
        queries=QUERIES,
        timers=timers(settings.ask_again_seconds),
    )


if __name__ == "__main__":
    run(main)
