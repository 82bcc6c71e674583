"""The demo's corpus is what its plan says: deterministic, varied, and planted as written down."""

from __future__ import annotations

import hashlib
import random
import time
from itertools import combinations, pairwise
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from datagov.text.batch import TextBatch
from pipelines.demo.corpus import PLANTED, Plan, make_corpus
from pipelines.demo.drafts import EDIT_RATES, KINDS
from pipelines.demo.oracle import jaccard, shingles, tokens

if TYPE_CHECKING:
    from pathlib import Path

THRESHOLD = 0.7


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    return make_corpus(tmp_path_factory.mktemp("demo"), documents=1_500)


@pytest.fixture(scope="module")
def rows(plan: Plan) -> list[dict]:
    return pq.read_table(plan.planted).to_pylist()


@pytest.fixture(scope="module")
def texts(plan: Plan) -> dict[str, str | None]:
    table = ds.dataset(plan.corpus).to_table(columns=["id", "text"])
    return dict(zip(table["id"].to_pylist(), table["text"].to_pylist(), strict=True))


def digest(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*.parquet"))
    }


def test_the_same_seed_writes_the_same_bytes(tmp_path: Path) -> None:
    make_corpus(tmp_path / "a", seed=3, documents=300)
    make_corpus(tmp_path / "b", seed=3, documents=300)
    make_corpus(tmp_path / "c", seed=4, documents=300)
    assert digest(tmp_path / "a") == digest(tmp_path / "b")
    assert digest(tmp_path / "a") != digest(tmp_path / "c")


def test_a_corpus_made_over_another_replaces_it(tmp_path: Path) -> None:
    make_corpus(tmp_path / "a", seed=1, documents=900)
    make_corpus(tmp_path / "a", seed=3, documents=300)
    make_corpus(tmp_path / "b", seed=3, documents=300)
    assert digest(tmp_path / "a") == digest(tmp_path / "b")


def test_the_default_size_is_made_within_seconds(tmp_path: Path) -> None:
    start = time.process_time()
    plan = make_corpus(tmp_path)
    assert time.process_time() - start < 10
    assert plan.documents == 4_000


def test_too_small_a_corpus_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least 200"):
        make_corpus(tmp_path, documents=199)


def test_every_document_is_planned_once_and_every_kind_planted(
    plan: Plan, rows: list[dict], texts: dict[str, str | None]
) -> None:
    assert pq.read_schema(plan.planted).equals(PLANTED)
    assert len(texts) == len(rows) == plan.documents == 1_500
    assert texts.keys() == {row["id"] for row in rows}
    for language in ("zh", "en"):
        assert {row["kind"] for row in rows if row["language"] == language} == set(KINDS)
    assert sum(plan.kinds.values()) == plan.documents
    assert plan.bytes == sum(len(text.encode()) for text in texts.values() if text)


def test_shards_lie_in_several_folders_and_differ_in_shape(plan: Plan) -> None:
    shards = sorted(plan.corpus.rglob("*.parquet"))
    assert len({shard.parent for shard in shards}) >= 4
    schemas = [pq.read_schema(shard) for shard in shards]
    assert {str(schema.field("text").type) for schema in schemas} == {"string", "large_string"}
    assert all(schema.names == ["id", "text", "source", "url"] for schema in schemas)
    assert len({pq.read_metadata(shard).num_row_groups for shard in shards}) > 1
    assert plan.corpus not in plan.planted.parents


def test_copies_are_as_similar_as_the_plan_says(rows: list[dict], texts: dict[str, str | None]) -> None:
    for row in rows:
        if row["original"] is None:
            continue
        text, original = texts[row["id"]], texts[row["original"]]
        assert text is not None
        assert original is not None
        assert row["jaccard"] == jaccard(shingles(text), shingles(original))
        if row["kind"] == "exact_copy":
            assert text.replace("\x07", "") == original
        else:
            assert text != original
            changed = sum(a != b for a, b in zip(tokens(text), tokens(original), strict=True))
            expected = row["edit_rate"] * len(tokens(original))
            assert abs(changed - expected) <= 0.5 or (changed == 1 and 0 < expected < 1)


def test_each_edit_rate_has_its_pairs_in_both_languages(rows: list[dict]) -> None:
    pairs = [(row["language"], row["edit_rate"]) for row in rows if row["kind"] == "near_copy"]
    counts = {
        (language, rate): pairs.count((language, rate)) for language in ("zh", "en") for rate in EDIT_RATES
    }
    assert min(counts.values()) == max(counts.values()) >= 10
    # An edit at rate e leaves a share q = (1 - e)^5 of the shingles: J = q / (2 - q).
    for rate in EDIT_RATES:
        found = [row["jaccard"] for row in rows if row["kind"] == "near_copy" and row["edit_rate"] == rate]
        kept = (1 - rate) ** 5
        assert sum(found) / len(found) == pytest.approx(kept / (2 - kept), abs=0.03)


def test_nothing_is_a_duplicate_that_was_not_planted(rows: list[dict], texts: dict[str, str | None]) -> None:
    alone = [row for row in rows if row["kind"] in ("clean", "footer", "original", "template")]
    picked = random.Random(1).sample(alone, 250)
    sets = [shingles(texts[row["id"]] or "") for row in picked]
    for (a, first), (b, second) in combinations(zip(sets, picked, strict=True), 2):
        same_family = first["group"] is not None and first["group"] == second["group"]
        assert jaccard(a, b) < (0.67 if same_family else 0.35)
    distinct = [
        text for row in rows if row["kind"] != "exact_copy" and (text := texts[row["id"]]) and text.strip()
    ]
    assert len(distinct) == len(set(distinct))


@pytest.mark.parametrize("group", ["zh-template-0", "zh-template-1", "en-template-0", "en-template-1"])
def test_template_families_are_similar_and_never_the_same(
    group: str, rows: list[dict], texts: dict[str, str | None]
) -> None:
    sets = [shingles(texts[row["id"]] or "") for row in rows if row["group"] == group]
    similarities = [jaccard(a, b) for a, b in combinations(sets, 2)]
    assert max(similarities) < THRESHOLD - 0.03
    assert sum(similarities) / len(similarities) > 0.35


def test_composed_documents_read_as_text(rows: list[dict], texts: dict[str, str | None]) -> None:
    stop_words = {
        "en": {"the", "be", "to", "of", "and", "that", "have", "with"},
        "zh": set("的年在月是和日了为有被人中他也而由"),
    }
    for row in rows:
        if row["kind"] not in ("clean", "footer", "original", "near_copy", "repost", "template"):
            continue
        text = texts[row["id"]] or ""
        words = tokens(text)
        assert len(words) >= 70
        assert len(stop_words[row["language"]].intersection(words)) >= 2
        lines = [line for line in text.split("\n") if line]
        ended = sum(line.endswith((".", "!", "。", "！", "”", '"')) for line in lines)
        assert ended / len(lines) >= 0.5
        assert len(set(pairwise(words))) >= 0.7 * (len(words) - 1)


def test_tokens_agree_with_the_token_stream_of_the_core(texts: dict[str, str | None]) -> None:
    chosen = [text for text in texts.values() if text and "\ufffd" not in text and "\x80" not in text][:400]
    composed = [text for text in chosen if not any("\x80" <= char <= "\x9f" for char in text)]
    offsets = TextBatch(pa.array(composed, pa.large_string())).tokens.offsets
    counts = [int(stop - start) for start, stop in pairwise(offsets)]
    latin_or_han = [
        (count, text)
        for count, text in zip(counts, composed, strict=True)
        if all(char.isascii() or "\u4e00" <= char <= "\u9fff" or not char.isalnum() for char in text)
    ]
    assert len(latin_or_han) > 250
    for count, text in latin_or_han:
        assert count == len(tokens(text)), text
