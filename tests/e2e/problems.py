"""Answers that are problem documents."""

from typing import Any

import httpx


def problem(response: httpx.Response, status: int) -> dict[str, Any]:
    """Make sure that an answer is a problem of this status that shows nothing of our insides; returns it."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = response.json()
    assert document["status"] == status
    assert document["type"].startswith("urn:onhand:problem:")
    assert document["title"]
    assert document["detail"]
    for inside in ("Traceback", 'File "', "asyncpg", "msgspec", "sys.", "recursion"):
        assert inside not in response.text
    return document


def wrong_fields(response: httpx.Response) -> set[str]:
    """Where a 422 says that something is wrong: JSON pointers into the body, or names of parameters."""
    errors = problem(response, 422)["errors"]
    assert all(error["detail"] for error in errors)
    places = [error.get("pointer", error.get("parameter")) for error in errors]
    assert len(set(places)) == len(places)
    return set(places)
