"""Pages of HTML as text: decoded by the standard's rules, checked before they are parsed, and reduced to what they say."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from datagov.extras import load, named

__all__ = ["EXTRACTIONS", "Page", "PageTooDeep", "decoded", "libraries_of", "read_page"]

EXTRACTIONS = {
    "resiliparse": ("resiliparse",),
    "all_text": ("resiliparse",),
    "trafilatura": ("resiliparse", "trafilatura"),
}
"""How the text of a page is found -> the libraries that take part: another version may find another text."""
MOST_DEPTH = 2_000
"""Open elements above which a page is not parsed. Parsers need time quadratic in the depth: 0.1 s here, minutes at
100,000. Browsers close elements from 512 on (Blink, kMaximumHTMLParserDOMTreeDepth)."""
MOST_ATTRIBUTES = 10_000
"""Attributes of one element above which a page is not parsed, for the same reason."""
TAG = re.compile(rb"<(/?)([A-Za-z][A-Za-z0-9]*)")
TAG_BEGINS = re.compile(rb"<[A-Za-z]")
QUOTED = re.compile(rb"\"[^\"]*\"|'[^']*'")
ENDLESS = frozenset(
    b"area base br col embed hr img input link meta param source track wbr p li dt dd tr td th option".split()
)
"""Elements that have no end, or need none."""
BOMS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))


class PageTooDeep(ValueError):
    """A page is nested deeper, or has an element with more attributes, than parsers take in reasonable time."""


@dataclass(frozen=True)
class Page:
    """What a page says."""

    text: str
    """The text that was extracted; empty for none."""
    title: str | None
    metas: tuple[tuple[str, str], ...]
    """(name in lower case, content) of its `<meta>` elements."""


def libraries_of(extract: str) -> str:
    """Return the names and versions of the libraries that extract.

    Raises
    ------
    ConfigError
        One is not installed.
    """
    return named(*EXTRACTIONS[extract])


def decoded(data: bytes, charset: str | None, *, html: bool = True) -> str:
    """Return the text of bytes: by their byte order mark, as UTF-8, or by server, `<meta charset>`, or a guess, in this order.

    Source: HTML Living Standard, 13.2.3.2; the charset's name is read as the Encoding Standard says, so that
    `gb2312` is GB18030. It differs in that bytes that are UTF-8 are read as such whatever is said of them: pages that
    were converted and kept their `<meta charset>` are common, text in another encoding that is UTF-8 by chance is
    not. What cannot be decoded becomes U+FFFD.
    """
    if not data.isascii():
        with suppress(UnicodeDecodeError):
            return data.decode("utf-8-sig")
    encoding = load("resiliparse", expected=None, module="resiliparse.parse.encoding")
    by_mark = next((name for mark, name in BOMS if data.startswith(mark)), None)
    said = charset and encoding.map_encoding_to_html5(charset.strip(" \"'"), fallback_utf8=False)
    name = by_mark or said or encoding.detect_encoding(data, from_html_meta=html)
    text = encoding.bytes_to_str(data, name, errors="replace", fallback_encodings=(), strip_bom=True)
    # Codecs of some encodings give surrogates, which no text in UTF-8 can hold.
    return text.encode("utf-8", "replace").decode()


def read_page(data: bytes, charset: str | None, extract: str, expected: str | None) -> Page:
    """Read a page of HTML.

    Parameters
    ----------
    data : bytes
    charset : str or None
        What the server said.
    extract : str
        One of EXTRACTIONS.
    expected : str or None
        What `libraries_of` returned where the recipe was read.

    Raises
    ------
    PageTooDeep
    """
    _check(data)
    parse = load("resiliparse", expected=expected, module="resiliparse.parse.html")
    html = decoded(data, charset)
    tree = parse.HTMLTree.parse(html)
    head = tree.document
    metas = tuple(
        (name.strip().lower(), meta.getattr("content", "") or "")
        for meta in (head.query_selector_all("meta[name]") if head else ())
        if (name := meta.getattr("name"))
    )
    title = " ".join((tree.title or "").split()) or None
    return Page(_text(tree, html, extract, expected), title, metas)


def _text(tree: Any, html: str, extract: str, expected: str | None) -> str:
    if extract == "trafilatura":
        trafilatura = load("trafilatura", expected=expected)
        # Its own deduplication remembers pages it saw before: what is found in one would depend on others.
        found = trafilatura.extract(
            html, include_comments=False, include_images=False, favor_precision=True, deduplicate=False
        )
        return found or ""
    html2text = load("resiliparse", expected=expected, module="resiliparse.extract.html2text")
    return html2text.extract_plain_text(tree, main_content=extract == "resiliparse", alt_texts=False).strip()


def _check(data: bytes) -> None:
    """Refuse pages that parsers need minutes for."""
    if data.count(b"<") > MOST_DEPTH:
        depth = 0
        for end, name in (tag.groups() for tag in TAG.finditer(data)):
            if name.lower() in ENDLESS:
                continue
            depth = max(depth - 1, 0) if end else depth + 1
            if depth > MOST_DEPTH:
                raise PageTooDeep(f"more than {MOST_DEPTH} elements are open at once")
    for piece in data.split(b">") if len(data) > 2 * MOST_ATTRIBUTES else ():
        begin = TAG_BEGINS.search(piece) if len(piece) > 2 * MOST_ATTRIBUTES else None
        plain = QUOTED.sub(b"", piece[begin.start() :]) if begin else b""
        if len(plain.replace(b"/", b" ").split()) > MOST_ATTRIBUTES:
            raise PageTooDeep(f"an element has more than {MOST_ATTRIBUTES} attributes")
