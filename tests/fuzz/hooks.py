"""What schemathesis does not know of OpenAPI: a path without parameters goes before one with them (3.1.1, 4.8.8)."""

from typing import Any

import schemathesis


@schemathesis.hook
def filter_case(_: schemathesis.HookContext, case: schemathesis.Case[Any]) -> bool:
    """Do not take `/stock/batch` for `/stock/{productId}`: the document describes it on its own, with more methods."""
    is_one_product = case.operation.path == "/api/gateway/stock/{productId}"
    return not is_one_product or case.path_parameters.get("productId") != "batch"
