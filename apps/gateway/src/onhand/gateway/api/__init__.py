"""The HTTP API: which path leads to which message, and which reply to which answer."""

import falcon.asgi

from onhand.common.health import HttpApp
from onhand.common.messaging.request_reply import Requests
from onhand.gateway.api.batches import OrderBatches, StockBatches
from onhand.gateway.api.catalogue import Locations, Products
from onhand.gateway.api.docs import Docs
from onhand.gateway.api.lists import StockList
from onhand.gateway.api.live import Events
from onhand.gateway.api.movements import Movements
from onhand.gateway.api.orders import OrderChanges, Orders
from onhand.gateway.api.reservations import Reservations
from onhand.gateway.api.stock import Incoming, Stock
from onhand.gateway.live.hub import Live
from onhand.gateway.problems import answer_problems

_API = "/api/gateway"


def create_app(requests: Requests, live: Live) -> HttpApp:
    """The gateway's routes; each one is described in `operations.py`, too."""
    app: HttpApp = falcon.asgi.App()
    app.req_options.strip_url_path_trailing_slash = True
    answer_problems(app)
    orders, changes = Orders(requests, live), OrderChanges(requests)
    app.add_route(f"{_API}/orders", orders)
    app.add_route(f"{_API}/orders/batch", OrderBatches(requests))
    app.add_route(f"{_API}/orders/{{order_id}}", orders, suffix="one")
    app.add_route(f"{_API}/orders/{{order_id}}/events", orders, suffix="events")
    app.add_route(f"{_API}/orders/{{order_id}}/cancel", changes, suffix="cancel")
    app.add_route(f"{_API}/orders/{{order_id}}/fulfilments", changes, suffix="fulfilments")
    app.add_route(f"{_API}/orders/{{order_id}}/returns", changes, suffix="returns")
    app.add_route(f"{_API}/events", Events(requests, live))
    stock, incoming = Stock(requests), Incoming(requests)
    app.add_route(f"{_API}/stock", StockList(requests))
    app.add_route(f"{_API}/stock/batch", StockBatches(requests, stock))
    app.add_route(f"{_API}/stock/{{product_id}}", stock)
    app.add_route(f"{_API}/stock/{{product_id}}/explain", stock, suffix="explain")
    app.add_route(f"{_API}/stock/{{product_id}}/movements", Movements(requests))
    app.add_route(f"{_API}/stock/{{product_id}}/incoming", incoming)
    app.add_route(f"{_API}/stock/{{product_id}}/incoming/{{incoming_id}}", incoming, suffix="one")
    app.add_route(f"{_API}/incoming", incoming, suffix="all")
    reservations = Reservations(requests)
    app.add_route(f"{_API}/reservations", reservations)
    app.add_route(f"{_API}/reservations/{{reservation_id}}", reservations, suffix="one")
    app.add_route(f"{_API}/reservations/{{reservation_id}}/extend", reservations, suffix="extend")
    products = Products(requests)
    app.add_route(f"{_API}/products", products)
    app.add_route(f"{_API}/products/{{product_id}}", products, suffix="one")
    locations = Locations(requests)
    app.add_route(f"{_API}/locations", locations)
    app.add_route(f"{_API}/locations/{{location_id}}", locations, suffix="one")
    docs = Docs()
    app.add_route(f"{_API}/openapi.json", docs, suffix="document")
    app.add_route(f"{_API}/docs", docs)
    app.add_route(f"{_API}/docs/{{asset}}", docs, suffix="asset")
    return app
