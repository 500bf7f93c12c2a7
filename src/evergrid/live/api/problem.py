"""What is answered where something is refused: one form, whatever the reason."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict
from starlette.exceptions import HTTPException
from starlette.routing import compile_path
from starlette.types import Scope

from evergrid.core.errors import InputError
from evergrid.live.api.failure import note_failure


class RequestBody(BaseModel):
    """What a request holds: no other fields, and no value that must be guessed at."""

    model_config = ConfigDict(strict=True, extra="forbid")


class FaultOf(BaseModel):
    """A field, and the rule that it breaks."""

    field: str
    rule: str
    fix: str = ""


class Problem(BaseModel):
    """Why a request was refused, and what was wrong with it."""

    error: str
    faults: list[FaultOf] = []


@final
class RefusedError(Exception):
    """A request that is not carried out.

    Args:
        status: Of HTTP.
        error: Why, and the way out.
        faults: Fields that break a rule.
        headers: That go with the answer.
    """

    def __init__(
        self,
        status: int,
        error: str,
        faults: Sequence[FaultOf] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(error)
        self.status, self.error = status, error
        self.faults, self.headers = tuple(faults), dict(headers or {})


def of_input(error: InputError, status: int = 422) -> RefusedError:
    """The refusal of what breaks a rule of the service."""
    faults = [FaultOf(field=f.field, rule=f.rule, fix=f.fix) for f in error.faults]
    return RefusedError(status, str(error), faults)


def too_often(wait_s: int) -> RefusedError:
    """The refusal of somebody who asks too often."""
    return RefusedError(
        429, f"Too many requests. Try again in {wait_s} s.", headers={"Retry-After": str(wait_s)}
    )


def of_exception(error: Exception) -> RefusedError:
    """The refusal that an exception comes to."""
    match error:
        case RefusedError():
            return error
        case InputError():
            return of_input(error)
        case RequestValidationError():
            faults = [_of_request(fault) for fault in error.errors()]
            return RefusedError(422, "The request breaks a rule of the interface.", faults)
        case HTTPException():
            headers = dict(error.headers or {})
            return RefusedError(error.status_code, str(error.detail), headers=headers)
    note_failure("request_failed", error)
    return RefusedError(500, "The service failed at this. It was written to its log.")


def _of_request(fault: Mapping[str, Any]) -> FaultOf:
    return FaultOf(field=".".join(map(str, fault["loc"])), rule=str(fault["msg"]))


def as_json(_scope: Scope, refused: RefusedError) -> Response:
    """The answer of the interface."""
    content = Problem(error=refused.error, faults=list(refused.faults)).model_dump()
    return JSONResponse(content, refused.status, headers=refused.headers)


def answer(scope: Scope, error: Exception) -> Response:
    """What is sent where something is refused or has failed; pages answer in their own form."""
    return scope["app"].state.answer(scope, of_exception(error))


async def _handle(request: Request, error: Exception) -> Response:
    if isinstance(error, HTTPException) and error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        headers = dict(error.headers or {})
        allowed = _methods(request) or {headers.get("Allow", "")}
        headers["Allow"] = ", ".join(sorted(allowed))
        error = HTTPException(error.status_code, error.detail, headers)
    return answer(request.scope, error)


def _methods(request: Request) -> set[str]:
    """The described methods of a path: each is a route of its own, and knows no other."""
    described = request.app.openapi()["paths"].items()
    path = request.url.path
    return {
        method.upper()
        for template, methods in described
        if compile_path(template)[0].match(path)
        for method in methods
    }


HANDLED = (RefusedError, InputError, RequestValidationError, HTTPException)


def install(app: FastAPI) -> None:
    """Answer every refusal in one form; what fails otherwise is answered by the guard."""
    app.state.answer = as_json
    for kind in HANDLED:
        app.add_exception_handler(kind, _handle)


def answers(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The refusals that an operation may answer with, for its description."""
    return {status: {"model": Problem} for status in statuses}


def answers_in_json(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Refusals that an operation may answer with whose own answer is no JSON."""
    content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{Problem.__name__}"}}}
    return {status: {"content": content} for status in statuses}
