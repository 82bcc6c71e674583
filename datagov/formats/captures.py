"""What a capture of the web gives: one row with the page's text, where and when it was taken, and what is reserved."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from datagov.shards import InputForm, WebForm
from datagov.web.archive import Record
from datagov.web.http import HEAD_BYTES, Answer, BadAnswer, BodyTooLarge, read_answer, unpacked
from datagov.web.pages import PageTooDeep, decoded, read_page
from datagov.web.reservations import Reservations, reservations
from datagov.web.sites import Site, origin_of, site_file

__all__ = ["PAGE_COLUMNS", "NoDocument", "Sites", "capture", "capture_schema", "page_row", "web_of"]

HTML = frozenset({"text/html", "application/xhtml+xml"})
PLAIN = "text/plain"
FOUND = frozenset({200, 203})
"""Statuses of an answer that is the page asked for."""

PAGE_COLUMNS: Mapping[str, pa.DataType] = {
    "title": pa.string(),
    "robots": pa.string(),
    "tdm_reservation": pa.int8(),
    "tdm_policy": pa.string(),
    "opt_out": pa.string(),
}
"""Columns of every page: its title and what is reserved of it (`datagov.web.reservations`)."""
COLUMNS: Mapping[str, pa.DataType] = {
    "record_id": pa.string(),
    "url": pa.string(),
    "date": pa.timestamp("us", "UTC"),
    "record_type": pa.string(),
    "http_status": pa.int16(),
    "media_type": pa.string(),
    "truncated": pa.string(),
    **PAGE_COLUMNS,
    "robots_disallowed": pa.bool_(),
    "ai_txt_disallowed": pa.bool_(),
}
"""Columns of a capture besides its text."""


class Sites:
    """What an archive holds about the sites of its pages."""

    def __init__(self) -> None:
        self._by_origin: dict[str, Site] = {}

    def add(self, record: Record | None, most_bytes: int) -> None:
        """Take the record of a file about its site; one that is no answer with such a file says nothing."""
        block = None if record is None else record.block(most_bytes)
        origin = origin_of(record.url or "") if record is not None else None
        if record is None or block is None or origin is None:
            return
        try:
            answer = read_answer(block) if record.kind == "response" else None
            body = block if answer is None else unpacked(answer, most_bytes)
        except (BadAnswer, BodyTooLarge):
            return
        kind = site_file(record.url or "")
        if kind is not None and (answer is None or answer.status in FOUND):
            self._by_origin.setdefault(origin, Site()).add(kind, body)

    def of(self, url: str | None) -> Site | None:
        """Return what is known of a URL's site."""
        origin = origin_of(url or "")
        return None if origin is None else self._by_origin.get(origin)


def capture_schema(form: InputForm) -> pa.Schema:
    """Return the columns of a capture."""
    return pa.schema([(form.columns.text, pa.large_string()), *COLUMNS.items()])


def web_of(form: InputForm) -> WebForm:
    """Return how pages are read."""
    return form.web or WebForm()


class NoDocument(Exception):
    """A capture gives no document; the message is one of PROBLEMS."""


def capture(record: Record, form: InputForm, sites: Sites) -> dict[str, Any]:
    """Return one row: a value for each column, and `problem`, which is empty for a document."""
    row: dict[str, Any] = dict.fromkeys((form.columns.text, *COLUMNS))
    row |= {
        "record_id": _id(record.headers.get("warc-record-id")),
        "url": record.url,
        "date": _date(record.headers.get("warc-date")),
        "record_type": record.kind,
        "truncated": record.headers.get("warc-truncated"),
        "problem": "",
    }
    if row["record_id"] is None:
        return row | {"problem": "bad_record"}
    try:
        if record.kind == "conversion":
            row["media_type"] = _media_type(record.headers.get("content-type"))[0]
            row[form.columns.text] = _converted(record, form)
        else:
            row |= _page(record, row, form, sites)
    except NoDocument as error:
        row["problem"] = str(error)
    return row


def page_row(
    body: bytes, charset: str | None, form: InputForm, *, media_type: str = "text/html", **known: Any
) -> dict[str, Any]:
    """Return the columns of a page with its text, or raise `NoDocument`.

    Parameters
    ----------
    body : bytes
    charset : str or None
        What the server said.
    form : InputForm
    media_type : str
    **known
        `answer`, `site`, `url` of `reservations`; none of them for a file.
    """
    web = web_of(form)
    metas: tuple[tuple[str, str], ...] = ()
    title = None
    if len(body) > web.max_page_bytes:
        raise NoDocument("page_too_large")
    if media_type in HTML:
        try:
            page = read_page(body, charset, web.extract, web.extracted_by)
        except PageTooDeep as error:
            raise NoDocument("page_too_deep") from error
        text, title, metas = page.text, page.title, page.metas
    else:
        text = decoded(body, charset, html=False)
    if not text.strip():
        raise NoDocument("no_main_text")
    found: Reservations = reservations(
        **{"answer": None, "site": None, "url": None, **known},
        metas=metas,
        media_type=media_type,
        agents=web.agents,
    )
    return {form.columns.text: text, "title": title, **vars(found)}


def _page(record: Record, row: dict[str, Any], form: InputForm, sites: Sites) -> dict[str, Any]:
    url = record.url or ""
    most = web_of(form).max_page_bytes
    answer: Answer | None = None
    if record.kind == "response" and not _is_http(record):
        raise NoDocument("not_a_page")
    block = record.block(most + HEAD_BYTES)
    if block is None:
        raise NoDocument("page_too_large")
    named = record.headers.get("content-type")
    try:
        if record.kind == "response":
            answer = read_answer(block)
            row["http_status"] = answer.status
            named = answer.value("content-type") or record.headers.get("warc-identified-payload-type")
        row["media_type"], charset = _media_type(named)
        if answer is not None and answer.status not in FOUND:
            raise NoDocument("http_status")
        if row["media_type"] not in HTML | {PLAIN} or origin_of(url) is None or site_file(url) is not None:
            raise NoDocument("not_a_page")
        body = block if answer is None else unpacked(answer, most)
    except BadAnswer as error:
        raise NoDocument("bad_record") from error
    except BodyTooLarge as error:
        raise NoDocument("page_too_large") from error
    return page_row(
        body, charset, form, media_type=row["media_type"], answer=answer, site=sites.of(url), url=url
    )


def _converted(record: Record, form: InputForm) -> str:
    """Return the text of a conversion (WET), which is UTF-8."""
    block = record.block(form.most_bytes)
    if block is None:
        raise NoDocument("too_long")
    try:
        return block.decode()
    except UnicodeDecodeError as error:
        raise NoDocument("not_utf8") from error


def _is_http(record: Record) -> bool:
    return _media_type(record.headers.get("content-type"))[0] == "application/http"


def _media_type(value: str | None) -> tuple[str | None, str | None]:
    """Return (media type, charset) of a Content-Type, in lower case."""
    kind, *parameters = (value or "").split(";")
    charset = None
    for parameter in parameters:
        name, _, said = parameter.partition("=")
        if name.strip().lower() == "charset":
            charset = said.strip().strip("\"'").lower() or None
    return kind.strip().lower() or None, charset


def _id(value: str | None) -> str | None:
    return None if value is None else value.strip().removeprefix("<").removesuffix(">") or None


def _date(value: str | None) -> datetime | None:
    try:
        date = datetime.fromisoformat(value or "")
    except ValueError:
        return None
    return date.astimezone(UTC) if date.tzinfo else None
