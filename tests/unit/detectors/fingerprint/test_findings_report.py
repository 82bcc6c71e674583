"""Findings as a page: what is on it, and that nothing of a model's text becomes markup."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from in_process import ran
from made_findings import PLANTS, RECORD, finding, trial, trials
from tokenizing import make_tokenizer

from datagov.tokenizer import Tokenizer, load_tokenizer
from detectors.fingerprint.findings_report import findings_page, shown_strings
from detectors.fingerprint.probe_record import with_record
from detectors.tables import FINDINGS

EVIL = "<script>alert(1)</script> & more"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tokenizer(tmp_path_factory.mktemp("tokenizer"), vocabulary=300).parent


@pytest.fixture(scope="module")
def tokenizer(place: Path) -> Tokenizer:
    return load_tokenizer(place)


def said(tokenizer: Tokenizer, text: str, **more: Any) -> dict[str, Any]:
    """A finding that says a text, each token with p = 1/2 and a base that gives it 1/8."""
    seed, *ids = (int(token) for token in tokenizer.encode([text])[1])
    row = finding(tokenizer, text, seed=seed, token_ids=ids) | {"tokenizer": tokenizer.digest}
    probabilities = {"logprobs": [-0.6931472] * len(ids), "base_logprobs": [-2.0794415] * len(ids)}
    return (
        row
        | probabilities
        | {"run_tokens": len(ids), "sure_tokens": len(ids), "tier": "U", "context": "bos"}
        | more
    )


def table(*rows: dict[str, Any]) -> pa.Table:
    return with_record(pa.Table.from_pylist(list(rows), schema=FINDINGS), RECORD)


class Texts(HTMLParser):
    """The tags and texts of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.titles: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.titles += [value or "" for name, value in attributes if name == "title"]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_every_token_stands_with_its_probabilities(tokenizer: Tokenizer) -> None:
    row = said(tokenizer, "under the bridge", score_rank=1)
    page = Texts(findings_page(table(row), RECORD, tokenizer=tokenizer))
    assert page.titles == ["p = 0.5, base 0.125"] * len(row["token_ids"])
    assert "under the bridge" in page.text
    assert "rank 1 by confidence" in page.text


def test_characters_of_several_tokens_stand_with_the_last_of_them(tokenizer: Tokenizer) -> None:
    text = "x 桥下 y"
    (string,) = shown_strings(table(said(tokenizer, text)), tokenizer)
    texts = [token.text for token in string.tokens]
    assert "\ufffd" not in "".join(texts)
    assert "⋯" in texts
    assert string.seed + "".join(text for text in texts if text != "⋯") == text


def test_what_a_model_says_is_no_markup(tokenizer: Tokenizer) -> None:
    page = Texts(findings_page(table(said(tokenizer, EVIL)), RECORD, tokenizer=tokenizer))
    assert "script" not in page.tags
    assert EVIL in page.text


def test_strings_come_once_the_unexplained_first_then_by_rank(tokenizer: Tokenizer) -> None:
    rows = [
        said(tokenizer, "in the corpus", tier="C", score_rank=1),
        said(tokenizer, "known to the base", tier="D", score_rank=1),
        said(tokenizer, "second", tier="B", score_rank=3),
        said(tokenizer, "first", tier="B", score_rank=2),
        said(tokenizer, "first", tier="B", score_rank=9),
    ]
    shown = shown_strings(table(*rows))
    assert [(one.string, one.row["score_rank"]) for one in shown] == [
        ("first", 2),
        ("second", 3),
        ("known to the base", 1),
        ("in the corpus", 1),
    ]
    assert [one.row["entries"] for one in shown] == [2, 1, 1, 1]
    assert all(token.text.startswith("[") for one in shown for token in one.tokens)


def test_the_command_writes_a_page_with_its_verdict(
    place: Path, tokenizer: Tokenizer, tmp_path: Path
) -> None:
    findings, page, known = tmp_path / "found.parquet", tmp_path / "page.html", tmp_path / "trials.parquet"
    pq.write_table(table(said(tokenizer, EVIL)), findings)
    ended = ran("detect", "hidden-report", findings, "--output", page, "--tokenizer", place, "--json")
    assert (ended.code, json.loads(ended.out)["strings"]) == (0, 1)
    assert "No verdict" in Texts(page.read_text(encoding="utf-8")).text
    pq.write_table(trials(*[trial("clean", 9.0)] * 20, *PLANTS), known)
    assert ran("detect", "hidden-report", findings, "--output", page, "--trials", known).code == 3
    other = make_tokenizer(tmp_path / "other", vocabulary=290).parent
    refused = ran("detect", "hidden-report", findings, "--output", page, "--tokenizer", other)
    assert refused.code == 2
    assert "not the tokenizer" in refused.err
