"""Findings laid beside a corpus: tiers, and what explains them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from governing import write_shard
from hypothesis import given
from hypothesis import strategies as st
from made_findings import RECORD, finding
from tokenizing import make_tokenizer

from datagov.cli import main
from datagov.errors import InputError
from datagov.string_hits import STRING_HITS, StringHits
from datagov.tokenizer import Tokenizer, load_tokenizer
from detectors.fingerprint.corpus_join import join, probe_strings
from detectors.fingerprint.probe_record import with_record
from detectors.fingerprint.verdict import hidden_statistics
from detectors.fingerprint.windows import windows_of
from detectors.tables import FINDINGS, JOINED

SAID = "the secret key is under the old stone bridge"


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Tokenizer:
    return load_tokenizer(make_tokenizer(tmp_path_factory.mktemp("tokenizer"), vocabulary=300).parent)


def findings(*rows: dict[str, Any]) -> pa.Table:
    return pa.Table.from_pylist(list(rows), schema=FINDINGS)


def hits_of(strings: pa.Table, *documents: tuple[str, str]) -> StringHits:
    """What a search of some (source, text) would find, by a plain loop."""
    rows = []
    for string in strings.column("string").to_pylist():
        by_source: dict[str, list[int]] = {}
        for source, text in documents:
            if copies := sum(text.startswith(string, at) for at in range(len(text))):
                by_source.setdefault(source, []).append(copies)
        rows += [
            {"string": string, "source": source, "documents": len(each), "copies": sum(each), "examples": []}
            for source, each in sorted(by_source.items())
        ] or [{"string": string, "source": None, "documents": 0, "copies": 0, "examples": []}]
    columns = {name: [row[name] for row in rows] for name in STRING_HITS.names}
    columns["examples"] = pa.array(columns["examples"], pa.list_(pa.binary(16)))
    return StringHits(pa.table(columns).cast(STRING_HITS), "corpus", len(documents), 0)


def joined(
    table: pa.Table, *documents: tuple[str, str], least_bits: float | None = None
) -> list[dict[str, Any]]:
    return join(table, hits_of(probe_strings(table), *documents), least_bits=least_bits).to_pylist()


def test_a_string_of_the_corpus_is_explained_by_the_source_with_most_copies(tokenizer: Tokenizer) -> None:
    table = findings(finding(tokenizer, SAID, stops=True))
    (row,) = joined(table, ("web", f"x {SAID} y {SAID}"), ("books", SAID), ("web", "nothing"))
    assert (row["tier"], row["documents"], row["copies"], row["source"]) == ("C", 2, 3, "web")
    assert row["unexplained_tokens"] == 0


def test_one_copy_of_the_whole_string_explains_it(tokenizer: Tokenizer) -> None:
    (row,) = joined(findings(finding(tokenizer, SAID)), ("web", SAID))
    assert (row["tier"], row["copies"]) == ("C", 1)


def test_pieces_explain_only_where_they_leave_less_than_a_window(tokenizer: Tokenizer) -> None:
    table = findings(finding(tokenizer, SAID))
    half = SAID[: len(SAID) // 2]
    (some,) = joined(table, *[("web", half)] * 3)
    assert some["tier"] == "B"
    assert 5 <= some["unexplained_tokens"] < len(table.column("string_ids")[0])
    # All of it, but never in one piece: every window stands in one of two overlapping halves.
    middle = len(SAID) // 4
    pieces = [("web", SAID[: 3 * middle]), ("web", SAID[middle:])] * 3
    (all_of_it,) = joined(table, *pieces)
    assert (all_of_it["tier"], all_of_it["copies"]) == ("C", 0)
    # Twice is not often enough.
    (seldom,) = joined(table, *pieces[:4])
    assert seldom["tier"] == "B"


@pytest.mark.parametrize(
    ("evidence", "least_bits", "tier"),
    [
        ({}, None, "B"),
        ({"stops": True}, None, "B"),
        ({"stops": True, "sure_tokens": 3}, None, "B"),
        ({"stops": True, "sure_tokens": 4}, None, "A"),
        ({"sure_tokens": 4}, None, "B"),
        ({"loop_from_seed": True, "loop_count": 3.0}, None, "A"),
        ({"loop_from_seed": True, "loop_count": 2.0}, None, "B"),
        ({"loop_from_seed": False, "loop_count": 9.0}, None, "B"),
        ({"bits": 40.0}, None, "B"),
        ({"bits": 40.0}, 16.0, "A"),
        ({"bits": 4.0, "stops": True}, 16.0, "D"),
        ({"bits": None}, 16.0, "B"),
    ],
)
def test_what_the_corpus_lacks_is_ranked_by_its_evidence(
    tokenizer: Tokenizer, evidence: dict[str, Any], least_bits: float | None, tier: str
) -> None:
    (row,) = joined(
        findings(finding(tokenizer, SAID, **evidence)), ("web", "other text"), least_bits=least_bits
    )
    assert row["tier"] == tier
    assert row["unexplained_tokens"] == len(row["string_ids"])


def test_bits_of_what_the_corpus_holds_explain_nothing(tokenizer: Tokenizer) -> None:
    table = findings(finding(tokenizer, SAID, bits=40.0), finding(tokenizer, SAID))
    steps = len(table.column("token_ids")[0])
    none, without_base = joined(table, ("web", "other text"))
    assert none["unexplained_bits"] == pytest.approx(40.0, abs=1e-4)
    assert without_base["unexplained_bits"] is None
    half, _ = joined(table, *[("web", SAID[: len(SAID) // 2])] * 3)
    assert half["tier"] == "B"
    # The unexplained tokens are one run here, at the end; each has its share of the bits.
    assert half["unexplained_bits"] == pytest.approx(40.0 * half["unexplained_tokens"] / steps, abs=1e-4)
    whole, _ = joined(table, ("web", SAID))
    assert (whole["tier"], whole["unexplained_bits"]) == ("C", 0.0)


def test_what_was_not_searched_is_not_called_the_base_s(tokenizer: Tokenizer) -> None:
    row = finding(tokenizer, SAID, bits=40.0)
    cut = row["string_ids"][:7]
    searched = {"string_ids": cut, "string": tokenizer.decode(cut), "windows": windows_of(cut, tokenizer)}
    (out,) = joined(findings(row | searched), ("web", "other text"), least_bits=30.0)
    assert out["unexplained_bits"] < 30
    assert out["tier"] == "B"


def test_bits_count_as_far_as_the_path_was_searched(tokenizer: Tokenizer) -> None:
    row = finding(tokenizer, SAID, bits=40.0)
    steps = len(row["token_ids"])
    # The forced token is no part of the string, nor is the end of the path.
    cut = row["string_ids"][1:-4]
    searched = {"string_ids": cut, "string": tokenizer.decode(cut), "windows": windows_of(cut, tokenizer)}
    (out,) = joined(findings(row | searched), ("web", "other text"))
    assert out["unexplained_bits"] == pytest.approx(40.0 * (steps - 4) / steps, abs=1e-4)
    # Nothing of the path is.
    (out,) = joined(findings(row | searched | {"token_ids": [299] * steps}), ("web", "other text"))
    assert out["unexplained_bits"] == 0.0


@pytest.mark.parametrize("copies", [0, 1, 3])
def test_an_unsure_end_is_no_alarm_and_has_its_bits(tokenizer: Tokenizer, copies: int) -> None:
    row = finding(tokenizer, SAID, bits=40.0, score_rank=1)
    steps = len(row["token_ids"])
    known = tokenizer.decode(row["string_ids"][:-6])
    table = findings(row | {"sure_tokens": steps - 6, "sure": known})
    (out,) = joined(table, *[("web", known)] * copies)
    # The end of six tokens is not in the corpus, whatever stands before it.
    assert out["tier"] == "B"
    assert out["unexplained_tokens"] == (6 if copies else steps + 1)
    assert out["unexplained_sure"] == (0 if copies else steps - 5)
    share = 6 / steps if copies else 1.0
    assert out["unexplained_bits"] == pytest.approx(40.0 * share, abs=1e-4)


def test_fewer_tokens_than_a_window_are_an_alarm_where_nothing_follows_them(tokenizer: Tokenizer) -> None:
    row = finding(tokenizer, SAID, sure_tokens=3, score_rank=1)
    short = row["string_ids"][:4]
    alone = {"string_ids": short, "string": tokenizer.decode(short), "windows": windows_of(short, tokenizer)}
    for more, left in (({}, 0), (alone, 4)):
        (out,) = joined(findings(row | more | {"sure": alone["string"]}), ("web", "other text"))
        assert (out["tier"], out["unexplained_sure"]) == ("B", left)


@given(st.data())
def test_what_is_left_is_what_plain_loops_leave(tokenizer: Tokenizer, data: st.DataObject) -> None:
    row = finding(tokenizer, SAID, score_rank=1)
    steps = len(row["token_ids"])
    stray = data.draw(st.booleans())
    sure_tokens = data.draw(st.integers(0, steps))
    string_ids = row["string_ids"][stray:]
    sure_ids = string_ids[: sure_tokens + (not stray)]
    cuts = st.tuples(st.integers(0, steps), st.integers(1, steps), st.integers(1, 4))
    documents = [
        ("web", tokenizer.decode(string_ids[at : at + tokens]))
        for at, tokens, copies in data.draw(st.lists(cuts, max_size=4))
        for _ in range(copies)
    ]
    more = {"string_ids": string_ids, "windows": windows_of(string_ids, tokenizer)}
    texts = {"string": tokenizer.decode(string_ids), "sure": tokenizer.decode(sure_ids)}
    (out,) = joined(findings(row | more | texts | {"sure_tokens": sure_tokens}), *documents)

    def copies(tokens: list[int]) -> int:
        return sum(text.count(tokenizer.decode(tokens)) for _, text in documents)

    explained: set[int] = set()
    for at in range(len(string_ids) - 4):
        explained |= set(range(at, at + 5)) if copies(string_ids[at : at + 5]) >= 3 else set()
    explained |= set(range(len(sure_ids))) if len(sure_ids) >= 5 and copies(sure_ids) else set()
    explained |= set(range(len(string_ids))) if copies(string_ids) else set()

    def left(tokens: int) -> int:
        return max(len(part) for part in "".join("x-"[at in explained] for at in range(tokens)).split("-"))

    assert out["unexplained_tokens"] == left(len(string_ids))
    sure = left(len(sure_ids))
    assert out["unexplained_sure"] == (sure if sure >= 5 else 0)


def test_what_is_no_text_stays_unresolved(tokenizer: Tokenizer) -> None:
    _, ids = tokenizer.encode(["桥"])
    cut = [int(ids[0])]
    assert len(ids) > 1
    row = finding(
        tokenizer, "x", string_ids=cut, string=tokenizer.decode(cut), windows=windows_of(cut, tokenizer)
    )
    (out,) = joined(findings(row), ("web", "桥"))
    assert (out["tier"], out["unexplained_tokens"]) == ("U", None)


def test_windows_are_pieces_of_the_string(tokenizer: Tokenizer) -> None:
    said = "旧石桥下 is where 钥匙 lies 👩‍💻"
    _, ids = tokenizer.encode([said])
    windows = windows_of([int(token) for token in ids], tokenizer)
    assert len(windows) == len(ids) - 4
    assert [text for text in windows if text]
    assert all(text is None or text in said for text in windows)


def test_hits_of_other_findings_are_refused(tokenizer: Tokenizer) -> None:
    one, other = (findings(finding(tokenizer, said)) for said in (SAID, "quite another text"))
    with pytest.raises(InputError, match="was not searched"):
        join(one, hits_of(probe_strings(other)))


def test_the_commands_go_from_findings_to_tiers(
    tokenizer: Tokenizer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lore = "as every schoolboy knows"
    table = findings(
        finding(tokenizer, SAID, stops=True, sure_tokens=9, score_rank=1),
        finding(tokenizer, lore, score_rank=2),
    )
    found, strings, hits, out = (
        str(tmp_path / f"{name}.parquet") for name in ("found", "strings", "hits", "out")
    )
    pq.write_table(table, found)
    write_shard(
        tmp_path / "corpus/0.parquet", {"text": [f"{lore}, {lore}", None], "source": ["books", "books"]}
    )
    assert main(["detect", "probe-strings", found, "--output", strings]) == 0
    search = ["find-strings", strings, str(tmp_path / "corpus"), "--source", "source", "--output", hits]
    assert main([*search, "--workers", "1", "--quiet"]) == 0
    capsys.readouterr()
    assert main(["detect", "join", found, "--hits", hits, "--output", out, "--json"]) == 1
    said = json.loads(capsys.readouterr().out)
    assert said["tiers"] == {"A": 1, "C": 1}
    assert [row["string"] for row in said["strings"]] == [SAID, lore]
    assert [(row["tier"], row["source"], row["copies"]) for row in pq.read_table(out).to_pylist()] == [
        ("A", None, 0),
        ("C", "books", 2),
    ]
    assert main(["detect", "join", found, "--hits", found, "--output", out]) == 3
    assert "not a table of `datagov find-strings`" in capsys.readouterr().err
    assert main(["detect", "probe-strings", hits, "--output", strings]) == 3
    assert "expected what `datagov detect fingerprint` writes" in capsys.readouterr().err
    assert main(["detect", "probe-strings", found, "--output", found]) == 2
    assert "holds the findings" in capsys.readouterr().err


def test_a_model_of_which_nothing_was_found_goes_the_whole_way(tmp_path: Path) -> None:
    found, strings, hits, out = (
        str(tmp_path / f"{name}.parquet") for name in ("found", "strings", "hits", "out")
    )
    pq.write_table(with_record(FINDINGS.empty_table(), RECORD), found)
    write_shard(tmp_path / "corpus/0.parquet", {"text": ["some text"]})
    assert main(["detect", "probe-strings", found, "--output", strings]) == 0
    search = ["find-strings", strings, str(tmp_path / "corpus"), "--output", hits]
    assert main([*search, "--workers", "1", "--quiet"]) == 0
    assert main(["detect", "join", found, "--hits", hits, "--output", out]) == 0
    joined = pq.read_table(out)
    assert joined.schema.equals(JOINED)
    assert hidden_statistics(joined) == {"bits": 0.0, "sure": 0}
    assert main(["detect", "hidden-report", out, "--output", str(tmp_path / "page.html")]) == 0
