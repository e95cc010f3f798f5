"""Runs the gateway: `python -m onhand.gateway`."""

from functools import partial

from onhand.common.health import Health
from onhand.common.messaging.request_reply import Limits, Requests
from onhand.common.messaging.streams import open_streams
from onhand.common.scrape import Scrape
from onhand.common.service import run, serve
from onhand.common.settings import Settings
from onhand.common.shortcuts import ShortcutProtocol
from onhand.gateway.api import create_app
from onhand.gateway.api.plain_orders import PlainOrders
from onhand.gateway.gate import Gate
from onhand.gateway.live.hub import Live
from onhand.gateway.traffic import Traffic


async def main(settings: Settings) -> None:
    """Serve until told to stop."""
    async with open_streams(settings.redis_url, settings.stream_partitions) as streams:
        requests = Requests(
            "gateway",
            streams,
            timeout_seconds=settings.reply_timeout_seconds,
            limits=Limits(settings.max_in_flight, settings.max_backlog),
        )
        live = Live(requests, streams, settings.max_listeners, settings.heartbeat_seconds)
        traffic = Traffic(requests, live)
        app = create_app(requests, live)
        app.add_middleware(traffic)
        Health("gateway", {"redis": streams.ping, "replies": requests.check_listening}).add_routes(app)
        Scrape({}, [traffic]).add_routes(app)
        orders, gate = PlainOrders(requests, traffic), Gate(requests, live)
        protocol = partial(ShortcutProtocol, orders.shortcut, gate.refuse)
        workers = [requests.run, live.run]
        await serve("gateway", settings, settings.gateway_port, app, workers, protocol, live.close)


if __name__ == "__main__":
    run(main)
