"""One endpoint's requests: retried with caps, bounded in time and bytes, the key from the environment alone."""

from __future__ import annotations

import json
import logging
import os
import time
import weakref
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import httpx2
import stamina

from datagov.errors import TargetRefused, TargetUnavailable
from datagov.terminal import safe
from detectors.targets.http.address import KEY_VARIABLE, closed_to_us, message_of, next_step, refusal

__all__ = ["Client", "Limits"]

BUSY = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
"""Answers after which the same request may succeed."""
CONNECT_S = 10.0


@dataclass(frozen=True)
class Limits:
    """What one endpoint may cost."""

    attempts: int = 6
    """Tries of one request in all."""
    wait_s: float = 0.5
    """Wait before the second try; doubled for each further one."""
    wait_most_s: float = 30.0
    request_s: float = 300.0
    """Until a whole answer must be there."""
    response_bytes: int = 64 * 2**20
    """Most bytes of an answer, unpacked."""
    concurrency: int = 4
    """Requests at once."""


# The library that repeats requests tells of each repetition; without a handler Python would print that.
logging.getLogger("stamina").addHandler(logging.NullHandler())


class Busy(Exception):
    """An answer that asks to come again."""

    def __init__(self, said: str, wait_s: float | None = None) -> None:
        super().__init__(said)
        self.wait_s = wait_s


class Client:
    """Requests to one endpoint. Redirects are not followed and proxies of the environment are not used."""

    def __init__(self, base: str, limits: Limits, *, key_variable: str = KEY_VARIABLE) -> None:
        self.base = base
        self.limits = limits
        key = os.environ.get(key_variable)
        self._about_key = (
            f"The key in the environment variable {key_variable} is not accepted"
            if key
            else f"Put the endpoint's key into the environment variable {key_variable}"
        )
        self._answered = False
        self._http = httpx2.Client(
            headers={"Authorization": f"Bearer {key}"} if key else {},
            limits=httpx2.Limits(max_connections=limits.concurrency),
            follow_redirects=False,
            trust_env=False,
        )
        self._closed = weakref.finalize(self, self._http.close)

    def __enter__(self) -> Client:
        """Return the client."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
        self.close()

    def close(self) -> None:
        """Close the connections; also done when the client is not used any more."""
        self._closed()

    def post(self, path: str, payload: dict[str, Any]) -> Any:
        """Return the JSON that the endpoint answers.

        Raises
        ------
        TargetRefused
            It refused the request, or its answer is too large or not JSON.
        TargetUnavailable
            It did not answer in time, however often it was asked.
        """
        return self._ask("POST", path, payload)

    def get(self, path: str) -> Any:
        """Return the JSON that the endpoint answers; raises as `post` does."""
        return self._ask("GET", path, None)

    def _ask(self, method: str, path: str, payload: dict[str, Any] | None) -> Any:
        url = self.base + path
        limits = self.limits
        try:
            for attempt in stamina.retry_context(
                on=come_again,
                attempts=limits.attempts,
                timeout=None,
                wait_initial=limits.wait_s,
                wait_max=limits.wait_most_s,
                wait_jitter=limits.wait_s / 2,
            ):
                with attempt:
                    return self._once(method, url, payload)
        except (Busy, httpx2.TransportError) as error:
            said = safe(str(error)) or type(error).__name__
            closed = closed_to_us(error)
            if closed is not None:
                raise TargetUnavailable(f"{url}: {closed}") from error
            todo = next_step(url, error, answered=self._answered)
            raise TargetUnavailable(
                f"{url}: no answer after {limits.attempts} tries ({said}). {todo}"
            ) from error
        raise AssertionError("a retry ends with an answer or an error")

    def _once(self, method: str, url: str, payload: dict[str, Any] | None) -> Any:
        deadline = time.monotonic() + self.limits.request_s
        most = self.limits.response_bytes
        body = bytearray()
        timeout = httpx2.Timeout(self.limits.request_s, connect=min(CONNECT_S, self.limits.request_s))
        try:
            with self._http.stream(method, url, json=payload, timeout=timeout) as answer:
                for chunk in answer.iter_bytes():
                    body += chunk
                    if len(body) > most:
                        raise TargetRefused(
                            f"{url}: the answer is larger than {most} bytes and was cut off; ask for fewer alternatives or "
                            "smaller batches"
                        )
                    if time.monotonic() > deadline:
                        raise httpx2.ReadTimeout(
                            f"the answer was not complete after {self.limits.request_s:g} s"
                        )
        except httpx2.DecodingError as error:
            raise TargetRefused(f"{url}: the answer is not packed as it says ({safe(str(error))})") from error
        if answer.status_code in BUSY:
            raise Busy(
                f"HTTP {answer.status_code}: {message_of(body)}", wait_asked(answer.headers, self.limits)
            )
        if answer.status_code != 200:
            raise refusal(url, answer.status_code, answer.headers, body, key=self._about_key)
        try:
            said = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise refusal(url, 200, answer.headers, body, key=self._about_key) from error
        self._answered = True
        return said


def come_again(error: Exception) -> bool | float:
    """Say whether a failed request may be repeated, and after how many seconds if the endpoint said so."""
    if isinstance(error, Busy):
        return True if error.wait_s is None else error.wait_s
    return isinstance(error, httpx2.TransportError) and closed_to_us(error) is None


def wait_asked(headers: Any, limits: Limits) -> float | None:
    """Return the seconds of `Retry-After`, capped; None where there are none."""
    said = headers.get("retry-after", "")
    return min(float(said), limits.wait_most_s) if said.isdigit() else None
