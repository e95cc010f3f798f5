"""The OpenAPI document, and a page that shows it without any network: its scripts come from a wheel (docs/adr/0028)."""

from functools import cache
from importlib.metadata import distribution
from pathlib import Path

import falcon
import msgspec

from onhand.gateway.api.exchange import Request, Response
from onhand.gateway.api.operations import OPERATIONS, PARAMETERS
from onhand.gateway.openapi import API, document

_ASSETS = {"swagger-ui-bundle.js": "text/javascript", "swagger-ui.css": "text/css"}
_START = "start.js"
_PAGE = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>onhand</title>
<link rel="stylesheet" href="{API}/docs/swagger-ui.css">
<link rel="icon" href="data:,">
</head>
<body>
<div id="page"></div>
<script src="{API}/docs/swagger-ui-bundle.js"></script>
<script src="{API}/docs/{_START}"></script>
</body>
</html>
"""
_SCRIPT = f"""SwaggerUIBundle({{
  url: "{API}/openapi.json", dom_id: "#page", deepLinking: true, validatorUrl: null, queryConfigEnabled: false,
}});
"""
# The page gets nothing from elsewhere, whatever a later Swagger UI may want.
_POLICY = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'"


class Docs:
    """`/api/gateway/openapi.json`, `/api/gateway/docs` and what that page loads, `/docs/{asset}`."""

    async def on_get_document(self, _: Request, response: Response) -> None:
        """Tell what every route takes and answers."""
        response.data = _document()

    async def on_get(self, _: Request, response: Response) -> None:
        """Show the document to people."""
        response.content_type = "text/html; charset=utf-8"
        response.set_header("Content-Security-Policy", _POLICY)
        response.data = _PAGE.encode()

    async def on_get_asset(self, _: Request, response: Response, asset: str) -> None:
        """Tell what the page is made with."""
        response.set_header("Cache-Control", "max-age=3600")
        if asset == _START:
            response.content_type = "text/javascript"
            response.data = _SCRIPT.encode()
        elif asset in _ASSETS:
            response.content_type = _ASSETS[asset]
            response.data = _asset(asset)
        else:
            raise falcon.HTTPRouteNotFound


@cache
def _document() -> bytes:
    """Made when somebody asks for it, so that the gateway starts as fast as before."""
    return msgspec.json.encode(document(OPERATIONS, PARAMETERS))


@cache
def _asset(name: str) -> bytes:
    """A file of the wheel; the package itself is not imported."""
    return Path(str(distribution("swagger-ui-py").locate_file(f"swagger_ui/static/{name}"))).read_bytes()
