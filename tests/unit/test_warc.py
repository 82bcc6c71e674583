from __future__ import annotations

import gzip
import zlib
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from made_warcs import answer, packed, page, record, write

from datagov.columns import Columns
from datagov.documents import list_shards, read_slice, read_texts
from datagov.formats import warc as warc_module
from datagov.shards import PROBLEMS, InputForm, Shard, Slice, UnreadableShard, WebForm

FORM = InputForm(
    format="warc",
    columns=Columns(id="record_id", url="url", opt_out="opt_out"),
    web=WebForm(agents=("*", "gptbot")),
)
HOW = ("plain", "members", "whole")


def listed(root: Path, form: InputForm = FORM) -> Shard:
    shards, broken = list_shards(str(root), form)
    assert not broken
    (shard,) = shards
    return shard


def slices(shard: Shard) -> list[Slice]:
    """Return one slice for each group."""
    rows = [0, *accumulate(shard.group_rows)]
    return [
        Slice(shard.path, (group, group + 1), *edges, whole=len(rows) == 2, place=shard.places[group], site_files=shard.site_files)
        for group, edges in enumerate(pairwise(rows))
    ]  # fmt: skip


def read(root: Path, form: InputForm = FORM, columns: list[str] | None = None) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for piece in slices(listed(root, form)):
        for rows in read_slice(str(root), form, piece, columns):
            codes = rows.problem if rows.problem is not None else ()
            records = zip(rows.batch.to_pylist(), codes, strict=True)
            found.extend({**each, "problem": PROBLEMS[code]} for each, code in records)
    return found


def problem_of(folder: Path, *records: bytes, how: str = "members", form: InputForm = FORM) -> list[str]:
    write(folder / "a.warc.gz", records, how)
    return [row["problem"] for row in read(folder, form)]


KINDS = st.sampled_from(["conversion", "resource", "request", "metadata", "warcinfo", "revisit"])


@settings(max_examples=examples(60))
@given(
    kinds=st.lists(st.tuples(KINDS, st.integers(1, 60)), min_size=1, max_size=12),
    how=st.sampled_from(HOW),
    block=st.integers(1, 120),
    rows=st.integers(1, 4),
)
def test_any_archive_is_read_block_by_block_as_a_whole(
    tmp_path_factory: pytest.TempPathFactory, kinds: list[tuple[str, int]], how: str, block: int, rows: int
) -> None:
    folder = tmp_path_factory.mktemp("archive")
    texts = [f"{number} ".ljust(size, "x") for number, (_, size) in enumerate(kinds)]
    records = [
        record(at, text.encode(), kind=kind)
        for at, (text, (kind, _)) in enumerate(zip(texts, kinds, strict=True))
    ]
    write(folder / "a.warc.gz", records, how)
    expected = [
        text for text, (kind, _) in zip(texts, kinds, strict=True) if kind in {"conversion", "resource"}
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(warc_module, "BLOCK_BYTES", block)
        patch.setattr(warc_module, "BLOCK_ROWS", rows)
        shard = listed(folder)
        found = read(folder)
    assert [row["text"] for row in found] == expected
    assert shard.rows == len(expected)
    assert sum(shard.group_text_bytes) == sum(map(len, expected))
    assert sum(count for _, count in shard.passed_over) == len(kinds) - len(expected)
    numbers = list(range(len(expected)))
    assert read_texts(str(folder), FORM, "a.warc.gz", numbers) == [text.encode() for text in expected]


@pytest.mark.parametrize("how", HOW)
def test_an_archive_that_is_cut_anywhere_is_unreadable_or_ends_with_a_record(
    tmp_path: Path, how: str
) -> None:
    records = [record(at, b"x" * 40, kind="conversion") for at in range(3)]
    whole = packed(records, how)
    edges = {len(packed(records[:count], how)) for count in range(1, 4)} if how != "whole" else {len(whole)}
    for length in range(1, len(whole) + 1):
        (tmp_path / "a.warc.gz").write_bytes(whole[:length])
        shards, broken = list_shards(str(tmp_path), FORM)
        # A record's block may be followed by its two empty lines or not.
        ends = length in edges or (how == "plain" and any(edge - 4 <= length <= edge for edge in edges))
        assert (len(shards), len(broken)) == ((1, 0) if ends else (0, 1)), length
        if broken:
            assert "cut off" in broken[0].problem or "no WARC, or damaged" in broken[0].problem


def test_where_an_archive_is_cut_or_damaged_is_said(tmp_path: Path) -> None:
    records = [record(at, b"x" * 400, kind="conversion") for at in range(3)]
    first = len(gzip.compress(records[0]))

    def problem(data: bytes) -> str:
        (tmp_path / "a.warc.gz").write_bytes(data)
        _, (broken,) = list_shards(str(tmp_path), FORM)
        assert isinstance(broken, UnreadableShard)
        return broken.problem

    whole = packed(records, "members")
    plain = packed(records, "plain")
    assert f"is cut off in record 3, which begins at byte {2 * len(records[0])}" in problem(plain[:-100])
    assert "is cut off in the gzip member of the record that begins at" in problem(whole[:-3])
    damaged = bytearray(whole)
    damaged[first + 60] ^= 255
    assert "damaged, after record 1, which begins at byte 0" in problem(bytes(damaged))
    assert "is no WARC, or damaged, at its beginning" in problem(b"hello " * 100)
    assert "empty" in problem(b"")


def test_pages_have_what_the_archive_says_of_them(tmp_path: Path) -> None:
    html = page(
        "A title",
        "The first paragraph of a page.",
        "The second.",
        head='<meta name="tdm-reservation" content="1">',
    )
    records = [
        record(0, b"software: test", kind="warcinfo", url=None),
        record(1, answer(html, "X-Robots-Tag: noai"), url="<http://a.example/1>", WARC_Truncated="length"),
        record(
            2, "plain text 你好".encode("gb18030"), kind="resource", Content_Type="text/plain; charset=GB2312"
        ),
        record(3, "converted 你好".encode(), kind="conversion", WARC_Date="2024-02-30T00:00:00Z"),
    ]
    write(tmp_path / "in/a.warc.gz", records)
    first, second, third = read(tmp_path)
    assert first.pop("date").isoformat() == "2024-04-25T16:24:44+00:00"
    assert first == {
        "text": "A title\n\nThe first paragraph of a page.\n\nThe second.",
        "record_id": "urn:uuid:00000000-0000-0000-0000-000000000001",
        "url": "http://a.example/1",
        "record_type": "response",
        "http_status": 200,
        "media_type": "text/html",
        "truncated": "length",
        "title": "A title",
        "robots": "noai",
        "tdm_reservation": 1,
        "tdm_policy": None,
        "opt_out": "noai tdm-meta",
        "robots_disallowed": None,
        "ai_txt_disallowed": None,
        "problem": "",
    }
    assert (second["text"], second["opt_out"], second["http_status"]) == ("plain text 你好", "", None)
    assert (third["text"], third["opt_out"], third["date"]) == ("converted 你好", None, None)
    assert [row["text"] for row in read(tmp_path, columns=["text"])] == [
        first["text"],
        "plain text 你好",
        "converted 你好",
    ]


@pytest.mark.parametrize("how", HOW)
def test_files_about_a_site_speak_of_its_pages_wherever_they_stand(tmp_path: Path, how: str) -> None:
    html = page("Title", "Some text of the page.")
    plain = {"media_type": "text/plain"}
    records = [
        record(1, answer(html), url="http://a.example/x"),
        record(2, answer(html), url="http://b.example/x"),
        record(3, answer(b"User-agent: GPTBot\nDisallow: /", **plain), url="http://a.example/robots.txt"),
        record(4, answer(b"User-agent: *\nDisallow: *.html", **plain), url="http://a.example/ai.txt"),
        record(
            5,
            answer(b'[{"location": "/", "tdm-reservation": 1}]'),
            url="http://a.example/.well-known/tdmrep.json",
        ),
        record(
            6, answer(b"User-agent: *\nDisallow: /", status="404 Gone"), url="http://b.example/robots.txt"
        ),
        record(7, answer(b"User-agent: *\nDisallow: /", **plain), url="http://c.example/robots.txt"),
    ]
    write(tmp_path / "a.warc.gz", records, how)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(warc_module, "BLOCK_ROWS", 1)
        shard = listed(tmp_path)
        rows = read(tmp_path)
    assert len(shard.site_files) == 4  # c.example has no page here
    assert [(row["opt_out"], row["problem"]) for row in rows[:2]] == [
        ("tdm-file ai.txt robots.txt", ""),
        ("", ""),
    ]
    assert {row["problem"] for row in rows[2:]} == {"not_a_page", "http_status"}


def test_every_record_without_a_document_says_why(tmp_path: Path) -> None:
    html = page("Title", "Some text.")
    cases = {
        "not_a_page": [
            record(1, answer(b"%PDF", media_type="application/pdf")),
            record(2, answer(html), url="ftp://a.example/"),
            record(3, b"a.example. IN A", Content_Type="text/dns", url="dns:a.example"),
            record(4, b"x", kind="resource", Content_Type="image/png"),
            record(5, answer(html), url=None),
        ],
        "http_status": [record(6, answer(html, status="404 Not Found")), record(7, answer(html, status="301 Moved"))],
        "bad_record": [
            record(8, b"no answer"),
            record(9, answer(html, "Content-Encoding: zip")),
            record(10, answer(html), WARC_Record_ID=None),
        ],
        "page_too_deep": [record(11, answer(b"<div>" * 5000 + b"x"))],
        "no_main_text": [record(12, answer(b"<html></html>")), record(13, answer(b"")), record(14, b" ", kind="resource")],
        "not_utf8": [record(15, b"\xff", kind="conversion")],
        "": [record(16, answer(html, media_type="application/xhtml+xml")), record(17, answer(html, status="203 Other"))],
    }  # fmt: skip
    records = [each for several in cases.values() for each in several]
    expected = [reason for reason, several in cases.items() for _ in several]
    assert problem_of(tmp_path, *records) == expected


def test_large_pages_are_set_aside_without_being_held(tmp_path: Path) -> None:
    small = InputForm(
        format="warc", columns=FORM.columns, web=WebForm(max_page_bytes=1000), max_document_chars=10
    )
    big = b"<p>" + b"x" * 1000
    records = [
        record(1, answer(big)),
        record(2, answer(gzip.compress(bytes(10**6)), "Content-Encoding: gzip")),
        record(3, answer(b"<p>" + b"x" * 10**6)),
        record(4, b"x" * 41, kind="conversion"),
        record(5, answer(b"<p>small")),
    ]
    assert problem_of(tmp_path, *records, form=small) == [*["page_too_large"] * 3, "too_long", ""]


def test_a_bomb_in_the_archive_costs_no_memory(tmp_path: Path) -> None:
    size = 300 * 2**20
    head = record(2, b"").replace(b"Content-Length: 0", b"Content-Length: %d" % size)[:-4]
    squeezer = zlib.compressobj(9, zlib.DEFLATED, 31)
    zeros = bytes(2**20)
    bomb = b"".join(
        [squeezer.compress(head), *(squeezer.compress(zeros) for _ in range(300)), squeezer.compress(b"\r\n\r\n"), squeezer.flush()]
    )  # fmt: skip
    archive = [
        gzip.compress(record(1, b"one", kind="conversion")),
        bomb,
        gzip.compress(record(3, b"three", kind="conversion")),
    ]
    (tmp_path / "a.warc.gz").write_bytes(b"".join(archive))
    rows = read(tmp_path)
    assert [(row["text"], row["problem"]) for row in rows] == [
        ("one", ""),
        (None, "page_too_large"),
        ("three", ""),
    ]


def test_html_of_50_mb_is_set_aside_unread(tmp_path: Path) -> None:
    form = InputForm(format="html", columns=Columns(id="path"), path_column="path", web=WebForm())
    (tmp_path / "a.html").write_bytes(page("Small", "A page that is read."))
    with (tmp_path / "b.htm").open("wb") as file:
        file.truncate(50 * 2**20)
    (tmp_path / "c.html").write_bytes(b"<html>")
    shard = listed(tmp_path, form)
    piece = Slice(shard.path, (0, len(shard.group_rows)), 0, 3, whole=True)
    read = list(read_slice(str(tmp_path), form, piece, None))
    assert [PROBLEMS[code] for rows in read for code in rows.problem] == [
        "",
        "page_too_large",
        "no_main_text",
    ]
    assert [title for rows in read for title in rows.batch.column("title").to_pylist()] == [
        "Small",
        None,
        None,
    ]
    assert read_texts(str(tmp_path), form, shard.path, [0, 2]) == [b"Small\n\nA page that is read.", None]
