"""Answers every order at once and does nothing, on the server that the gateway runs on: `python -m ...noop`."""

from typing import Any

from onhand.common.service import run, serve
from onhand.common.settings import Settings

_BODY = (
    b'{"orderId":"01a20d68-f670-7000-8000-000000000000","customerId":"cust-456","productId":"123","quantity":5,'
    b'"status":"pending","createdAt":"2026-11-24T11:55:12.411814Z"}'
)
_START = {
    "type": "http.response.start",
    "status": 201,
    "headers": [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(_BODY))],
}


async def app(_scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401  # as ASGI has them
    """Read a request and answer it, always the same."""
    while (await receive()).get("more_body"):
        pass
    await send(_START)
    await send({"type": "http.response.body", "body": _BODY})


async def main(settings: Settings) -> None:
    """Serve on the gateway's port until told to stop, with the gateway's protocol, which lets everything in."""
    await serve("noop", settings, settings.gateway_port, app, [], lambda *_: None)


if __name__ == "__main__":
    run(main)
