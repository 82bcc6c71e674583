"""Traces on disk: the same bytes after a stop, and scores without the model."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from governing import contents

from datagov.errors import InputError, LedgerError, TargetError, TargetUnavailable
from detectors import trace_store
from detectors.lab.train import Lab
from detectors.ragged import TokenBatch
from detectors.targets.ngram import save_ngram
from detectors.targets.opening import OpenOptions, open_target
from detectors.targets.target import Target
from detectors.targets.windows import WindowPlan, plan_windows
from detectors.trace import TOKEN_COLUMNS, TraceBatch
from detectors.trace_sets import Which, find_set, origin_key, same_set
from detectors.trace_store import load_traces, stored_traces


@pytest.fixture
def texts(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setattr(trace_store, "CHUNK_TOKENS", 400)
    found = pq.read_table(lab.texts("labelled")).column("text").to_pylist()[:20]
    return ["", *found, "a"]


@pytest.fixture
def ngram(lab: Lab, tmp_path: Path) -> Target:
    save_ngram(tmp_path / "model.json", "In 2019. Bala kodi bala.", lab.model / "tokenizer.json")
    return open_target(f"ngram:{tmp_path / 'model.json'}", OpenOptions())


@dataclass
class Stopping:
    """A target that stops answering after some requests."""

    inner: Target
    answers: int

    def __getattr__(self, name: str) -> object:
        return getattr(self.inner, name)

    def trace(self, windows: TokenBatch) -> TraceBatch:
        self.answers -= 1
        if self.answers < 0:
            raise TargetUnavailable("the endpoint does not answer")
        return self.inner.trace(windows)


def same(one: TraceBatch, other: TraceBatch) -> bool:
    names = [*TOKEN_COLUMNS, "text_W", "offsets"]
    arrays = [(getattr(one, name), getattr(other, name)) for name in names]
    return one.origin == other.origin and all(
        a is b is None or (np.array_equal(a, b) and a.dtype == b.dtype) for a, b in arrays
    )


def test_a_stopped_run_resumes_to_the_same_bytes(ngram: Target, texts: list[str], tmp_path: Path) -> None:
    plan = plan_windows(ngram, window_tokens=50)
    straight = stored_traces(tmp_path / "straight", ngram, texts, plan)
    stopping = Stopping(ngram, answers=2)
    with pytest.raises(TargetUnavailable):
        stored_traces(tmp_path / "stopped", stopping, texts, plan)  # type: ignore[arg-type]
    kept = contents(tmp_path / "stopped", "traces")
    assert len(kept) == 2
    stopping.answers = len(contents(tmp_path / "straight", "traces")) - 2
    resumed = stored_traces(tmp_path / "stopped", stopping, texts, plan)  # type: ignore[arg-type]
    assert stopping.answers == 0
    assert same(straight, resumed)
    assert contents(tmp_path / "straight", "traces", "sets") == contents(
        tmp_path / "stopped", "traces", "sets"
    )


def test_traces_are_read_without_the_target(ngram: Target, texts: list[str], tmp_path: Path) -> None:
    plan = plan_windows(ngram)
    made = stored_traces(tmp_path, ngram, texts, plan)
    assert same(made, read(tmp_path, texts))
    assert find_set(tmp_path, texts, Which()).facts == ngram.facts
    assert same(made, stored_traces(None, ngram, texts, plan))


def read(root: Path, texts: Sequence[str]) -> TraceBatch:
    return load_traces(root, find_set(root, texts, Which()))


def damage(file: Path, how: str) -> None:
    data = file.read_bytes()
    middle = len(data) // 2
    file.write_bytes(
        {
            "cut": data[:middle],
            "changed": data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :],
            "other": b"[]",
            "empty": b"",
        }[how]
    )


@pytest.mark.parametrize(
    ("kind", "how"),
    [
        ("traces", "cut"),
        ("traces", "changed"),
        ("traces", "other"),
        ("traces", "empty"),
        ("receipts", "cut"),
        ("receipts", "other"),
        ("receipts", "empty"),
    ],
)
def test_a_damaged_file_is_made_again_with_the_target_and_refused_without(
    ngram: Target, texts: list[str], tmp_path: Path, kind: str, how: str
) -> None:
    plan = plan_windows(ngram)
    made = stored_traces(tmp_path, ngram, texts, plan)
    before = contents(tmp_path, "traces")
    file = sorted((tmp_path / kind).rglob("*.*"))[1]
    damage(file, how)
    with pytest.raises(LedgerError, match=rf"{file.stem}.* again"):
        read(tmp_path, texts)
    assert same(stored_traces(tmp_path, ngram, texts, plan), made)
    assert contents(tmp_path, "traces") == before
    assert same(read(tmp_path, texts), made)


@pytest.mark.parametrize("how", ["cut", "other", "empty"])
def test_a_damaged_record_of_a_set_is_said(ngram: Target, texts: list[str], tmp_path: Path, how: str) -> None:
    stored_traces(tmp_path, ngram, texts, plan_windows(ngram))
    (file,) = (tmp_path / "sets").iterdir()
    damage(file, how)
    with pytest.raises(LedgerError, match="damaged, not the record of a set of traces"):
        read(tmp_path, texts)


@pytest.mark.parametrize("facts", [None, 5, [], {}])
def test_a_record_without_facts_is_said(
    ngram: Target, texts: list[str], tmp_path: Path, facts: object
) -> None:
    stored_traces(tmp_path, ngram, texts, plan_windows(ngram))
    (file,) = (tmp_path / "sets").iterdir()
    file.write_text(json.dumps(json.loads(file.read_bytes()) | {"facts": facts}))
    with pytest.raises(LedgerError, match=r"as facts, expected .* trace again"):
        read(tmp_path, texts)


def test_traces_of_other_texts_or_of_two_policies_are_not_taken(
    ngram: Target, texts: list[str], tmp_path: Path
) -> None:
    stored_traces(tmp_path, ngram, texts, plan_windows(ngram))
    with pytest.raises(InputError, match="holds no traces of these texts"):
        read(tmp_path, texts[1:])
    stored_traces(tmp_path, ngram, texts, plan_windows(ngram, policy="first", window_tokens=10))
    with pytest.raises(
        InputError, match=r"several sets of traces.*: .*disjoint windows of .*; .*first windows of 10 tokens"
    ):
        read(tmp_path, texts)
    for which in (
        Which(window_tokens=10),
        Which(window_policy="first"),
        Which(ngram.facts.digest, 10, "first"),
    ):
        assert find_set(tmp_path, texts, which).plan.window_tokens == 10
    assert find_set(tmp_path, texts, Which(ngram.facts.name, None, "disjoint")).plan.window_tokens > 10
    with pytest.raises(InputError, match=r"none that was asked for: .*--window-policy"):
        find_set(tmp_path, texts, Which(window_tokens=11))


@pytest.mark.parametrize(
    "others",
    [
        (OpenOptions(device="cpu"), OpenOptions(device="cpu", dtype="bfloat16")),
        (OpenOptions(device="cpu"), OpenOptions(device="cpu", start_token="</s>")),  # noqa: S106 - a token of a vocabulary
    ],
)
def test_traces_of_one_model_in_two_ways_are_told_apart(
    lab: Lab, texts: list[str], tmp_path: Path, others: tuple[OpenOptions, ...]
) -> None:
    made = {}
    for options in others:
        target = open_target(str(lab.model), options)
        trace = stored_traces(tmp_path, target, texts, plan_windows(target))
        made[origin_key(target.facts, plan_windows(target))] = trace
    with pytest.raises(InputError, match="several sets of traces") as refused:
        find_set(tmp_path, texts, Which(str(lab.model), plan_windows(target).window_tokens, "disjoint"))
    for key, trace in made.items():
        assert key in str(refused.value)
        assert same(load_traces(tmp_path, find_set(tmp_path, texts, Which(key))), trace)


def test_changed_texts_are_read_in_the_windows_of_the_texts_themselves(
    ngram: Target, texts: list[str], tmp_path: Path
) -> None:
    lowered = [text.lower() for text in texts]
    short, long = plan_windows(ngram, window_tokens=10), plan_windows(ngram)
    stored_traces(tmp_path, ngram, texts, long)
    stored_traces(tmp_path, ngram, lowered, short)
    found = find_set(tmp_path, texts, Which())
    with pytest.raises(InputError, match="changed texts, and there are none"):
        same_set(tmp_path, lowered, found, found.plan)
    made = stored_traces(tmp_path, ngram, lowered, long)
    assert same(load_traces(tmp_path, same_set(tmp_path, lowered, found, found.plan)), made)


def test_a_prefix_is_seen_and_not_scored(lab_target: Target, texts: Sequence[str]) -> None:
    encoded = lab_target.encode(texts)
    plain = plan_windows(lab_target, window_tokens=100)
    prefix = tuple(int(token) for token in encoded.row(1)[:20])
    after = WindowPlan(100, "disjoint", plain.start_token_id, prefix)
    one, other = (stored_traces(None, lab_target, texts, plan) for plan in (plain, after))
    assert np.array_equal(one.token_ids_T, other.token_ids_T)
    assert np.array_equal(one.offsets, other.offsets)
    row = encoded.row(2)
    by_hand = lab_target.trace(TokenBatch.of([[plain.start_token_id, *prefix, *row]])).logprob_T[20:]
    place = slice(*other.by_text().offsets[2:4])
    assert np.abs(other.logprob_T[place] - by_hand).max() <= 1e-4


def test_an_ngram_model_is_its_closed_form(ngram: Target) -> None:
    rows = ngram.encode(["Bala kodi", "bala"])
    found = ngram.trace(rows)
    table = ngram.probability_VV  # type: ignore[attr-defined]
    assert np.allclose(table.sum(axis=1), 1.0)
    before, token = rows.row(0)[:-1], rows.row(0)[1:]
    assert np.allclose(found.logprob_T[: len(token)], np.log(table[before, token]), atol=1e-6)
    with pytest.raises(TargetError, match="outside its vocabulary"):
        ngram.trace(TokenBatch.of([[0, 99_999]]))
