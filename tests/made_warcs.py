"""Small web archives, written byte for byte as ISO 28500 has them."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from pathlib import Path

PAGE = (
    "<html><head><title>{title}</title>{head}</head><body><main><article><h1>{title}</h1>{body}"
    "</article></main></body></html>"
)


def page(title: str, *paragraphs: str, head: str = "") -> bytes:
    body = "".join(f"<p>{each}</p>" for each in paragraphs)
    return PAGE.format(title=title, head=head, body=body).encode()


def answer(body: bytes, *headers: str, status: str = "200 OK", media_type: str = "text/html") -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Type: {media_type}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def record(
    number: int, block: bytes, *, kind: str = "response", url: str | None = "http://a.example/", **more: str
) -> bytes:
    media_type = {"response": "application/http; msgtype=response", "request": "application/http"}
    headers = {
        "WARC-Type": kind,
        "WARC-Record-ID": f"<urn:uuid:00000000-0000-0000-0000-{number:012d}>",
        "WARC-Date": "2024-04-25T16:24:44Z",
        "WARC-Target-URI": url,
        "Content-Type": media_type.get(kind, "text/plain"),
        **{name.replace("_", "-"): value for name, value in more.items()},
        "Content-Length": str(len(block)),
    }
    lines = ["WARC/1.1", *(f"{name}: {value}" for name, value in headers.items() if value is not None)]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + block + b"\r\n\r\n"


def packed(records: Sequence[bytes], how: str) -> bytes:
    """Return an archive: `plain`, `members` (a gzip member a record, as the standard asks) or `whole` (one for all)."""
    if how == "members":
        return b"".join(gzip.compress(each) for each in records)
    return gzip.compress(b"".join(records)) if how == "whole" else b"".join(records)


def write(path: Path, records: Sequence[bytes], how: str | None = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(packed(records, how or ("members" if path.suffix == ".gz" else "plain")))
    return path
