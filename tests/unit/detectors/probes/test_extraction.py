"""What a model repeats: passages and spans, with a model whose continuations are counts."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizing import make_tokenizer

from datagov.cli import main
from datagov.ids import as_uuid
from datagov.ledger.tables import SPANS
from datagov.tokenizer import Tokenizer, load_tokenizer
from detectors.probes.extraction import Replayed, Span, passages, recall_at_wrong, replay, span_tasks
from detectors.targets.ngram import NgramTarget, open_target, save_ngram
from detectors.targets.opening import OpenOptions

ALPHABET = "abcdefghijklmnopqrstuvwxyz"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tokenizer that knows single bytes alone, and a model that knows the alphabet."""
    path = make_tokenizer(tmp_path_factory.mktemp("model"), vocabulary=258)
    save_ngram(path.parent / "model.json", ALPHABET * 3, path)
    return path


@pytest.fixture(scope="module")
def tokenizer(place: Path) -> Tokenizer:
    return load_tokenizer(place)


@pytest.fixture(scope="module")
def target(place: Path) -> NgramTarget:
    return open_target(f"ngram:{place.parent / 'model.json'}", OpenOptions())


def test_passages_are_pieces_of_texts_that_are_long_enough(tokenizer: Tokenizer) -> None:
    texts = [ALPHABET, "short", ALPHABET[::-1], ALPHABET * 2]
    tasks = passages(texts, tokenizer, prefix=6, suffix=5, most=2, seed=1, start=0)
    assert len(tasks) == 2
    assert tasks.left_out == 1
    for row, text in enumerate(tasks.text_N):
        given, answer = tasks.prefixes.row(row), tasks.answers.row(row)
        assert (given[0], len(given), len(answer)) == (0, 7, 5)
        assert tokenizer.decode([*given[1:], *answer]) in texts[text]


def test_what_the_model_knows_is_repeated_and_what_it_does_not_is_not(
    tokenizer: Tokenizer, target: NgramTarget
) -> None:
    tasks = passages(
        [ALPHABET, ALPHABET[::-1], "abcxyz" * 4], tokenizer, prefix=3, suffix=4, most=9, seed=0, start=None
    )
    found = replay(target, tasks)
    assert found.exact_N.tolist()[:2] == [True, False]
    assert found.matched_N[1] == 0
    for row in range(3):
        last = tasks.prefixes.row(row)[-1]
        expected = []
        for _ in range(4):
            best = int(target.probability_VV[last].argmax())
            expected.append(float(np.log(target.probability_VV[last, best])))
            last = best
        assert found.confidence_N[row] == pytest.approx(np.mean(expected), rel=1e-5)


def test_spans_are_answers_to_what_stands_before_them(tokenizer: Tokenizer, target: NgramTarget) -> None:
    texts = ["xabcdefgh and pqz", "桥abc"]
    spans = [Span(0, 4, 8, "email"), Span(0, 14, 17, "phone"), Span(1, 0, 1, "name"), Span(1, 2, 4, "name")]
    tasks = span_tasks(texts, spans, tokenizer, prefix=3, start=None)
    assert (len(tasks), tasks.left_out, tasks.rules) == (3, 1, ["email", "phone", "name"])
    assert [tokenizer.decode(tasks.answers.row(row).tolist()) for row in range(3)] == ["defg", "pqz", "bc"]
    assert [tokenizer.decode(tasks.prefixes.row(row).tolist()) for row in range(3)][:2] == ["abc", "nd "]
    found = replay(target, tasks)
    assert found.exact_N.tolist() == [True, False, True]
    assert found.matched_N.tolist()[0] == 4


@given(st.lists(st.tuples(st.booleans(), st.floats(-5, 0)), min_size=1, max_size=40), st.integers(1, 6))
def test_recall_is_what_counting_down_the_ranking_gives(rows: list[tuple[bool, float]], wrong: int) -> None:
    exact = np.array([row[0] for row in rows])
    found = Replayed(exact.astype(np.int64), exact, np.array([row[1] for row in rows]))
    missed = right = 0
    for row in sorted(range(len(rows)), key=lambda row: -rows[row][1]):
        missed += not rows[row][0]
        if missed == wrong:
            break
        right += rows[row][0]
    assert recall_at_wrong(found, wrong) == right / len(rows)


def test_the_command_counts_passages_controls_and_spans(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    texts, controls, spans, out = (
        tmp_path / f"{name}.parquet" for name in ("texts", "controls", "spans", "out")
    )
    ids = [bytes([at]) * 16 for at in range(3)]
    pq.write_table(pa.table({"text": [ALPHABET] * 3, "doc_id": as_uuid(ids)}), texts)
    pq.write_table(pa.table({"text": [ALPHABET[::-1]] * 4}), controls)
    rows = {"rule": ["email", "email"], "start": [3, 5], "end": [7, 9], "term": [None, None]}
    pq.write_table(pa.table({"doc_id": as_uuid([ids[1], b"x" * 16]), **rows}).cast(SPANS), spans)
    asked = ["detect", "extract", str(texts), "--target", f"ngram:{place.parent / 'model.json'}"]
    asked += ["--tokenizer", str(place), "--prefix", "5", "--suffix", "5", "--json"]
    assert main([*asked, "--controls", str(controls), "--output", str(out)]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["texts"]["exact"], said["texts"]["passages"], said["controls"]["exact"]) == (3, 3, 0)
    assert said["texts"]["exact_low"] == pytest.approx(0.025 ** (1 / 3))
    table = pq.read_table(out)
    assert table.column("exact").to_pylist() == [True] * 3
    assert not {"string", "large_string"} & {
        str(field.type) for field in table.schema if field.name != "rule"
    }
    assert main([*asked, "--spans", str(spans)]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["by_rule"]["email"]["exact"] == 1
    assert main([*asked, "--spans", str(texts)]) == 3
    assert "not the ledger's spans" in capsys.readouterr().err
    assert main([*asked, "--spans", str(tmp_path / "nowhere")]) == 3
    assert "nothing is there" in capsys.readouterr().err


def test_spans_of_texts_that_were_edited_since_are_refused(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "corpus").mkdir()
    text = f"{ALPHABET[:9]} me@example.com {ALPHABET}"
    pq.write_table(pa.table({"id": ["a", "b"], "text": [text, ALPHABET]}), tmp_path / "corpus/0.parquet")
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(
        "dataset: pii\ninput: {path: corpus/, text: text, id: id}\noutput: out/\nsteps: [redact: {}]\n"
    )
    assert main(["run", str(recipe), "--workers", "1", "--quiet"]) == 0
    asked = ["--target", f"ngram:{place.parent / 'model.json'}", "--tokenizer", str(place), "--json"]
    asked += ["--spans", str(tmp_path / "out/ledger/spans"), "--dataset", "pii"]
    capsys.readouterr()
    assert main(["detect", "extract", str(tmp_path / "corpus"), *asked]) == 0
    assert json.loads(capsys.readouterr().out)["texts"]["passages"] == 1
    assert main(["detect", "extract", str(tmp_path / "out/data/r1"), *asked]) == 3
    assert "its spans would be other words" in capsys.readouterr().err
