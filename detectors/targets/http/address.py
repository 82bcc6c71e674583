"""An endpoint's address: whether a URL is one, and what an answer, or none, says of it."""

from __future__ import annotations

import json
import re
import socket
import ssl
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

import httpx2

from datagov.errors import ConfigError, TargetRefused
from datagov.terminal import safe

__all__ = ["KEY_VARIABLE", "NotServed", "base_of", "closed_to_us", "message_of", "next_step", "refusal"]

KEY_VARIABLE = "DATAGOV_TARGET_KEY"
"""Environment variable that holds the endpoint's key."""
SHOWN = 300
"""Characters of an endpoint's message that are repeated in ours."""
TAG = re.compile("<[^>]*>")
NOTHING_THERE = frozenset({404, 405, 410, 501})
"""Answers of servers that have nothing at a path, or nothing that is asked by POST."""


class NotServed(TargetRefused):
    """No model is served at the address, or not to us: whatever is asked there, the answer is the same."""


def base_of(url: str) -> str:
    """Return the part of an endpoint's URL before `/v1/...`.

    Raises
    ------
    ConfigError
        It is no http(s) URL, or it carries a password.
    """
    expected = "expected the URL of an endpoint, such as http://127.0.0.1:8000"
    try:
        parts = urlsplit(url)
        (parts.hostname or "").encode("idna")
        known = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError as error:
        raise ConfigError(f"--target {url}: {error}; {expected}") from error
    if not known or any(character.isspace() for character in url):
        raise ConfigError(f"--target {url}: {expected}")
    if parts.username is not None or parts.query or parts.fragment:
        raise ConfigError(
            f"--target: {parts.hostname}: a URL is written down with the results and must not carry a key; "
            f"put the key into {KEY_VARIABLE}"
        )
    return url.rstrip("/").removesuffix("/v1")


def refusal(
    url: str, status: int, headers: Mapping[str, str], body: bytes | bytearray, *, key: str
) -> TargetRefused:
    """Return what an answer other than the one asked for means.

    Parameters
    ----------
    url : str
        What was asked.
    status : int
        Of HTTP; 200 for an answer that is not JSON.
    headers : mapping
    body : bytes
    key : str
        What to do about the key, where that is what is missing.
    """
    said = f"HTTP {status}: {message_of(body)}"
    if 300 <= status < 400:
        return NotServed(
            f"{url}: sends us on to {safe(headers.get('location', 'nowhere'))} (HTTP {status}), and nothing is sent to addresses "
            "that were not named; if that is the endpoint, name it as --target"
        )
    if status in {401, 403}:
        return NotServed(f"{url}: access is refused ({said}). {key}")
    if status in NOTHING_THERE:
        parts = urlsplit(url)
        return NotServed(
            f"{url}: no model is served at this address ({said}). Expected as --target what stands before /v1/..., such as "
            f"{parts.scheme}://{parts.netloc}; check its port and path, the model's name (--model) and the convention (--api)"
        )
    if "html" in headers.get("content-type", "") or status == 200:
        return NotServed(
            f"{url}: what answers there is no inference server: the answer is not JSON ({said}). Check the host, the port and "
            "the path of --target, and whether it is http or https"
        )
    return TargetRefused(f"{url}: {said}")


def closed_to_us(error: Exception) -> str | None:
    """Return why no request can be sent to an address, however often it is tried; None if another try may do it."""
    for cause in causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"its certificate is not trusted here ({cause.verify_message}); add its authority to the system's certificates"
        if isinstance(cause, ssl.SSLError) and not isinstance(
            cause, ssl.SSLEOFError | ssl.SSLZeroReturnError
        ):
            return (
                f"what answers there does not speak https ({cause.reason}); if it speaks http, write http://"
            )
        if isinstance(cause, socket.gaierror) and cause.errno != socket.EAI_AGAIN:
            return f"there is no host of this name ({cause.strerror}); check --target"
    return None


def next_step(url: str, error: Exception, *, answered: bool) -> str:
    """Return what to do when an address did not answer in the end.

    Parameters
    ----------
    url : str
    error : Exception
        Of the last try.
    answered : bool
        Whether it ever answered before.
    """
    if answered:
        return (
            "Start the endpoint again or wait until it is free; what came before is kept where a place for it was named "
            "(--traces, --output), and the same command resumes"
        )
    if isinstance(error, httpx2.ProtocolError | httpx2.ReadError):
        other = ", or write https:// if it speaks that" if url.startswith("http:") else ""
        return f"What listens there does not answer as a web server does: check the port of --target{other}"
    if any(isinstance(cause, ConnectionRefusedError) for cause in causes(error)):
        return "Nothing listens there: start the endpoint, or check the host and port of --target"
    return "Start the endpoint or wait until it is free, or check --target"


def message_of(body: bytes | bytearray) -> str:
    """Return the start of what an endpoint said, safe to print."""
    text = bytes(body[: 8 * SHOWN]).decode("utf-8", "replace")
    try:
        said = json.loads(text)
        said = said.get("error", said) if isinstance(said, dict) else said
        said = said.get("message", said.get("detail", said)) if isinstance(said, dict) else said
        text = said if isinstance(said, str) else json.dumps(said, ensure_ascii=False)
    except (ValueError, RecursionError):
        text = " ".join(TAG.sub(" ", text).split()) if text.lstrip().startswith("<") else text
    return safe(text[:SHOWN]) or "(empty)"


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error, what it was raised from, and so on."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
