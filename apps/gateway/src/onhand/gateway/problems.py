"""Errors as `application/problem+json` (RFC 9457)."""

from http import HTTPStatus
from uuid import UUID

import falcon
import falcon.asgi
import msgspec
import structlog
from msgspec import UNSET, Struct, UnsetType

from onhand.common.contracts import LineShortage
from onhand.common.errors import NoReply, Unavailable
from onhand.common.health import HttpApp
from onhand.common.shortcuts import Whole

_MEDIA_TYPE = "application/problem+json"
_RETRY_LATER = {"Retry-After": "1"}
_log = structlog.get_logger()


class Violation(Struct, frozen=True):
    """One thing that is wrong with a request, and where: in the body (RFC 6901) or in a path or query parameter."""

    detail: str
    pointer: str | UnsetType = UNSET
    parameter: str | UnsetType = UNSET


class ProblemDetails(Struct, frozen=True, rename="camel"):
    """The problem document.

    Attributes:
        type: names the kind of problem for programs.
        title: names it for people.
        detail: what happened this time.
        errors: for 422, everything that is wrong with the request; for 409, the field that cannot be satisfied now.
        state: for 409, what does not allow it now, such as `cancelled`, or `3 on hand, 2 reserved`.
        lines: for 409, what every line asked for and what there was.
        order_id: for 504, the order that was asked for and not confirmed; the ids that follow likewise.
    """

    type: str
    title: str
    status: int
    detail: str
    errors: tuple[Violation, ...] | UnsetType = UNSET
    state: str | UnsetType = UNSET
    lines: tuple[LineShortage, ...] | UnsetType = UNSET
    order_id: UUID | UnsetType = UNSET
    reservation_id: UUID | UnsetType = UNSET
    movement_id: UUID | UnsetType = UNSET
    fulfilment_id: UUID | UnsetType = UNSET
    return_id: UUID | UnsetType = UNSET
    incoming_id: UUID | UnsetType = UNSET


class Problem(Exception):
    """An answer that is not what the client asked for.

    Args:
        status: HTTP status code.
        code: the kind of problem, in kebab case.
        detail: what happened this time.
        errors: everything that is wrong with the request.
        state: of what the request is about.
        lines: what every line asked for and what there was.
        headers: to send along.
    """

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        errors: tuple[Violation, ...] | UnsetType = UNSET,
        state: str | UnsetType = UNSET,
        lines: tuple[LineShortage, ...] | UnsetType = UNSET,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        title = code.replace("-", " ").capitalize()
        self.details = ProblemDetails(f"urn:onhand:problem:{code}", title, status, detail, errors, state, lines)
        self.headers = headers or {}


def invalid_request(*violations: Violation) -> Problem:
    """422: well-formed, but not what is taken here."""
    return Problem(422, "invalid-request", "The request has fields that cannot be accepted.", errors=violations)


def unavailable(error: Unavailable) -> Problem:
    """503: nothing was sent; the client may try again."""
    return Problem(503, "unavailable", f"{error}. Nothing was done; try again.", headers=_RETRY_LATER)


def encode_unavailable(error: Unavailable) -> bytes:
    """The whole HTTP response for an error, for who answers before a request is begun."""
    return whole_problem(unavailable(error)).encode()


def whole_problem(problem: Problem) -> Whole:
    """The response for a problem, for who answers without Falcon."""
    headers = {"content-type": _MEDIA_TYPE, **problem.headers}
    lines = "".join(f"{name.lower()}: {value}\r\n" for name, value in headers.items())
    return Whole(problem.details.status, lines.encode(), msgspec.json.encode(problem.details))


def no_reply(error: NoReply, advice: str = "", **ids: UUID) -> Problem:
    """504: whether it was done is not known yet.

    Args:
        error: says how long nothing came.
        advice: what the client can do about it.
        ids: what may have been made, such as `order_id`, where the client cannot know it.
    """
    detail = f"{error}. It may have been done, or may yet be.{advice and ' '}{advice}"
    problem = Problem(504, "no-reply", detail, headers=_RETRY_LATER)
    problem.details = msgspec.structs.replace(problem.details, **ids)
    return problem


def problem_of(error: Exception, method: str, path: str) -> Problem:
    """The problem that an error of a route is told as; one that nobody expects is logged."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, Unavailable):
        return unavailable(error)
    if isinstance(error, NoReply):
        return no_reply(error)
    _log.error("bug in a route", method=method, path=path, exc_info=error)
    return Problem(500, "internal-error", "The gateway failed; its log says why.")


def answer_problems(app: HttpApp) -> None:
    """Answer every error that leaves a route with a problem document."""
    app.add_error_handler(Exception, _on_error)
    app.add_error_handler(falcon.HTTPError, _on_http_error)


Request = falcon.asgi.Request
Response = falcon.asgi.Response


async def _on_error(request: Request, response: Response | None, error: Exception, _: object) -> None:
    assert response is not None  # None only for WebSockets, which are not served  # noqa: S101
    problem = problem_of(error, request.method, request.path)
    response.status = problem.details.status
    response.content_type = _MEDIA_TYPE
    response.data = msgspec.json.encode(problem.details)
    response.set_headers(problem.headers)


async def _on_http_error(request: Request, response: Response | None, error: falcon.HTTPError, params: object) -> None:
    status = HTTPStatus(falcon.http_status_to_code(error.status))
    code = status.phrase.lower().replace(" ", "-")
    detail = error.description or f"{request.method} {request.path}: {status.description or status.phrase}."
    await _on_error(request, response, Problem(status, code, detail, headers=dict(error.headers or {})), params)
