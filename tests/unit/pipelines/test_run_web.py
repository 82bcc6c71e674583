"""Web archives and pages as the input of runs: ids, reasons, reservations, and archives that end too early."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from governing import Governed, contents
from made_warcs import answer, page, record, write

from datagov.errors import ConfigError, PartialRun
from datagov.formats import warc as warc_module
from datagov.ledger.sample import sample_removed
from pipelines.what_if.unchanged_input import plan_again

Run = Callable[..., Governed]
Recipe = Callable[..., Path]

SHARED = Path(__file__).parents[4] / "shared"
WARC = {"format": "warc", "id": None}


def pages(first: int, count: int) -> list[bytes]:
    """Return records of pages with a request each; every third page says what the one before says."""
    records = []
    for at in range(first, first + count):
        said = at - (at % 3 == 2)
        html = page(
            f"Page {said}", f"What page {said} says is said on no other page but copies.", "And so on."
        )
        headers = ("X-Robots-Tag: noai",) if at % 4 == 0 else ()
        records.append(record(1000 + at, b"GET / HTTP/1.1\r\n\r\n", kind="request"))
        records.append(record(at, answer(html, *headers), url=f"http://a.example/{at}"))
    return records


def name(at: int) -> str:
    return f"urn:uuid:00000000-0000-0000-0000-{at:012d}"


@pytest.fixture
def crawl(tmp_path: Path) -> Path:
    write(tmp_path / "corpus/a.warc.gz", pages(0, 9))
    write(tmp_path / "corpus/b.warc.gz", [*pages(9, 6), record(99, answer(b"", status="404 Gone"))])
    return tmp_path


def test_captures_are_documents_named_by_their_records(crawl: Path, recipe: Recipe, govern: Run) -> None:
    done = govern(recipe(crawl, input=WARC))
    assert done.kept() == {name(at) for at in range(15) if at % 3 != 2}
    assert done.counts["errored"] == 1
    (error,) = done.rows("SELECT shard, shard_row, reason FROM errors")
    assert error == {"shard": "b.warc.gz", "shard_row": 6, "reason": "http_status"}
    assert done.manifest["input"]["passed_over"] == {"request": 15}
    urls = done.rows("SELECT url FROM documents ORDER BY id LIMIT 1")
    assert urls == [{"url": "http://a.example/0"}]
    table = done.exported()
    assert table.column("opt_out").to_pylist()[:2] == ["noai", ""]
    drawn = sample_removed(done.ledger, "exact_dedup", n=1, seed=0)
    assert drawn.documents[0]["text"].startswith("Page ")
    assert plan_again(done.ledger, done.plan.recipe).parts == done.plan.parts


def test_workers_and_parts_do_not_matter(
    crawl: Path, recipe: Recipe, govern: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(warc_module, "BLOCK_ROWS", 2)
    written = recipe(crawl, input=WARC)
    one = govern(written, part_rows=4)
    two = govern(written, part_rows=4, workers=2, output=str(crawl / "two"))
    assert len(one.manifest["parts"]) > 2
    assert contents(one.out, "ledger", "data") == contents(two.out, "ledger", "data")


def test_an_archive_that_ends_too_early_stops_the_run_which_goes_on_once_it_is_whole(
    crawl: Path, recipe: Recipe, govern: Run
) -> None:
    whole = (crawl / "corpus/b.warc.gz").read_bytes()
    (crawl / "corpus/b.warc.gz").write_bytes(whole[: len(whole) // 2])
    written = recipe(crawl, input=WARC)
    with pytest.raises(PartialRun, match=r"b\.warc\.gz: is cut off"):
        govern(written)
    (crawl / "corpus/b.warc.gz").write_bytes(whole)
    resumed = govern(written)
    straight = govern(written, output=str(crawl / "straight"))
    assert resumed.verdicts() == straight.verdicts()
    assert resumed.exported().equals(straight.exported())
    (crawl / "corpus/b.warc.gz").write_bytes(whole[: len(whole) // 2])
    skipped = govern(recipe(crawl, input={**WARC, "unreadable": "skip"}, output=str(crawl / "skipped")))
    assert skipped.kept() == {name(at) for at in range(9) if at % 3 != 2}


def test_reserved_pages_can_be_removed(crawl: Path, recipe: Recipe, govern: Run) -> None:
    by_bound = recipe(
        crawl, input=WARC, steps=[{"filter": {"bounds": {"opt_out_count": {"max": 0, "missing": "drop"}}}}]
    )
    done = govern(by_bound)
    assert done.kept() == {name(at) for at in range(15) if at % 4}
    (reason,) = done.decisions()[name(4)]["reasons"]
    assert (reason["rule"], reason["value"]) == ("opt_out_count", 1.0)
    by_condition = recipe(
        crawl,
        input=WARC,
        steps=[{"filter": {"where": "opt_out_noai_count + opt_out_tdm_count = 0"}}],
        output=str(crawl / "sql"),
    )
    assert govern(by_condition).kept() == done.kept()
    exported = recipe(
        crawl / "again",
        input={"path": str(done.out / "data/r1"), "id": "record_id", "opt_out": "opt_out"},
        steps=[{"filter": {"bounds": {"opt_out_count": {"max": 0, "missing": "drop"}}}}],
    )
    assert govern(exported).counts["removed"] == 0


def test_wet_files_are_documents_of_which_no_reservation_is_known(
    tmp_path: Path, recipe: Recipe, govern: Run
) -> None:
    records = [record(at, f"Text number {at} 你好".encode(), kind="conversion") for at in range(4)]
    write(tmp_path / "corpus/x.warc.wet.gz", records)
    steps = [{"filter": {"bounds": {"opt_out_count": {"max": 0, "missing": "keep"}}}}]
    done = govern(recipe(tmp_path, input=WARC, steps=steps))
    assert done.counts["kept"] == 4
    assert done.manifest["data"] == ["data/r1/x.warc.parquet"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"extract": "all_text"}, "`extract` belongs to `format: html` and `format: warc`"),
        ({"format": "warc", "extract": "other"}, "extract"),
        ({"format": "warc", "agents": []}, "agents"),
    ],
)
def test_settings_that_do_not_fit(
    tmp_path: Path, recipe: Recipe, govern: Run, settings: dict[str, Any], message: str
) -> None:
    (tmp_path / "corpus").mkdir()
    with pytest.raises(ConfigError, match=message):
        govern(recipe(tmp_path, input=settings))


def test_an_opt_out_filter_needs_the_column(tmp_path: Path, recipe: Recipe, govern: Run) -> None:
    write(tmp_path / "corpus/a.warc", pages(0, 1))
    steps = [{"filter": {"bounds": {"opt_out_count": {"max": 0}}}}]
    with pytest.raises(ConfigError, match=r"name its column, `input: \{opt_out: COLUMN\}`"):
        govern(recipe(tmp_path, input={"format": "parquet"}, steps=steps))


def test_real_archives(tmp_path: Path, recipe: Recipe, govern: Run) -> None:
    if not (SHARED / "warc").is_dir():
        pytest.skip(f"no archives at {SHARED / 'warc'}")
    done = govern(recipe(tmp_path, input={**WARC, "path": str(SHARED / "warc")}))
    assert done.counts["documents_in"] == 41
    assert {row["reason"] for row in done.rows("SELECT reason FROM errors")} == {"not_a_page"}
    assert done.counts["errored"] == 4
    assert min(len(text) for text in done.exported().column("text").to_pylist()) > 10


def test_real_chinese_pages(tmp_path: Path, recipe: Recipe, govern: Run) -> None:
    packed_pages = SHARED / "html/zh_gne_pages.tar.gz"
    if not packed_pages.exists():
        pytest.skip(f"no pages at {packed_pages}")
    shutil.unpack_archive(packed_pages, tmp_path / "corpus")
    done = govern(recipe(tmp_path, input={"format": "html", "id": None}))
    assert done.counts["documents_in"] == 64
    assert done.counts["kept"] + done.counts["errored"] + done.counts["removed"] == 64
    assert {row["reason"] for row in done.rows("SELECT reason FROM errors")} <= {"no_main_text"}
    texts = done.exported().column("text").to_pylist()
    assert sum("�" in text for text in texts) == 2  # saved with them
