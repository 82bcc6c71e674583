"""The HTTP around a target: keys, limits, one request at the target at a time."""

from __future__ import annotations

import hmac
import threading
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from datagov import __version__
from datagov.errors import DatagovError, InputError, TargetUnavailable
from detectors.service.completions import Completions, ServiceLimits
from detectors.service.messages import CompletionRequest, TokenizeRequest
from detectors.targets.target import Target

__all__ = ["make_app"]

RETRY_SECONDS = 1


def make_app(
    target: Target, *, name: str | None = None, key: str | None = None, limits: ServiceLimits | None = None
) -> FastAPI:
    """Return the application that serves one target.

    Parameters
    ----------
    target : Target
    name : str or None
        What the model is called; None for the target's own name.
    key : str or None
        What a client has to send as `Authorization: Bearer KEY`; None serves everybody.
    limits : ServiceLimits or None
        None for the defaults.
    """
    limits = limits or ServiceLimits()
    completions = Completions(target, name or target.facts.name, limits)
    gate = Gate(limits.waiting)

    def authorised(request: Request) -> None:
        sent = request.headers.get("authorization", "").removeprefix("Bearer ")
        if key is not None and not hmac.compare_digest(sent.encode(), key.encode()):
            raise HTTPException(401, "a key is needed: Authorization: Bearer KEY")

    guarded = APIRouter(dependencies=[Depends(authorised)])

    @guarded.get("/v1/models")
    def models() -> dict[str, Any]:
        """List the one model."""
        model = {
            "id": completions.name,
            "object": "model",
            "created": 0,
            "owned_by": f"datagov {__version__}",
            "max_model_len": completions.context_tokens,
        }
        return {"object": "list", "data": [model]}

    @guarded.post("/v1/completions")
    def complete(request: CompletionRequest) -> dict[str, Any]:
        """Score and continue prompts."""
        return gate.through(lambda: completions.answer(request))

    @guarded.post("/tokenize")
    def tokenize(request: TokenizeRequest) -> dict[str, Any]:
        """Return the ids of a text."""
        ids = completions.tokenize(request.prompt, special=request.add_special_tokens)
        return {"count": len(ids), "max_model_len": completions.context_tokens, "tokens": ids}

    app = FastAPI(title="datagov", version=__version__, docs_url=None, redoc_url=None, openapi_url=None)
    app.include_router(guarded)

    @app.get("/health")
    def health() -> dict[str, str]:
        """Say that the process is there; open to everybody."""
        return {"status": "ok"}

    app.add_exception_handler(DatagovError, _refused)
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_middleware(BodyCap, most=limits.body_bytes)
    return app


class Gate:
    """Lets one request at the target, a few wait, and sends the others away."""

    def __init__(self, waiting: int) -> None:
        self._turn = threading.Lock()
        self._places = threading.BoundedSemaphore(waiting + 1)

    def through(self, work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Do the work when it is its turn.

        Raises
        ------
        HTTPException
            429: too many are waiting.
        """
        if not self._places.acquire(blocking=False):
            raise HTTPException(429, "the target is busy", headers={"Retry-After": str(RETRY_SECONDS)})
        try:
            with self._turn:
                return work()
        finally:
            self._places.release()


class BodyCap:
    """Refuses a request whose body is longer than allowed, without reading it to its end."""

    def __init__(self, app: ASGIApp, most: int) -> None:
        self._app = app
        self._most = most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on with its body read, or answer 413."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = bytearray()
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body += message.get("body", b"")
            more = message.get("more_body", False)
            if len(body) > self._most:
                answer = _error(
                    413, f"the request is larger than {self._most} bytes; send fewer prompts at once"
                )
                await answer(scope, receive, send)
                return
        await self._app(scope, _replayed(bytes(body), receive), send)


def _replayed(body: bytes, receive: Receive) -> Callable[[], Awaitable[Message]]:
    """Return a receiver that gives the body once, then what the connection says."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return messages.pop() if messages else await receive()

    return again


def _error(status: int, message: str, headers: dict[str, str] | None = None) -> JSONResponse:
    return JSONResponse({"error": {"message": message, "code": status}}, status, headers=headers)


async def _refused(_request: Request, error: Exception) -> JSONResponse:
    """Answer an error of ours in the form that clients of this interface know."""
    if isinstance(error, HTTPException):
        return _error(error.status_code, str(error.detail), dict(error.headers or {}))
    if isinstance(error, InputError):
        return _error(400, error.message)
    return _error(503 if isinstance(error, TargetUnavailable) else 500, str(error))


async def _invalid(_request: Request, error: Exception) -> JSONResponse:
    """Say which field is wrong; the field's value, which may be a long text, is not repeated."""
    problems = error.errors() if isinstance(error, RequestValidationError) else []
    said = "; ".join(f"{'.'.join(map(str, one['loc'][1:]))}: {one['msg']}" for one in problems[:5])
    return _error(400, said or "the request is not valid")
