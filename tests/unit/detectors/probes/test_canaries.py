"""Canaries from issue to exposure, with a model whose probabilities are counts."""

from __future__ import annotations

import itertools
import json
import math
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from tokenizing import make_tokenizer

from datagov.cli import main
from datagov.errors import InputError
from datagov.tokenizer import load_tokenizer
from detectors.probes.canaries import TEMPLATE, exposures, issue, references, template_of
from detectors.targets.ngram import open_target, save_ngram
from detectors.targets.opening import OpenOptions

SEED = 7


def test_canaries_are_as_many_and_as_often_as_asked_for_and_none_twice() -> None:
    table = issue(TEMPLATE, [1, 4], 3, seed=SEED)
    texts = table.column("text").to_pylist()
    assert len(texts) == 3 * 1 + 3 * 4
    assert len(set(texts)) == 6
    assert [texts.count(text) for text in dict.fromkeys(texts)] == [1, 1, 1, 4, 4, 4]
    assert template_of(table, "x") == (TEMPLATE, SEED)
    assert issue(TEMPLATE, [1, 4], 3, seed=SEED).equals(table)
    with pytest.raises(InputError, match="expected one"):
        issue("no place", [1], 1, seed=0)


def test_references_are_of_the_same_make_and_were_never_given_out() -> None:
    given = set(issue(TEMPLATE, [1], 200, seed=SEED).column("text").to_pylist())
    others = references(TEMPLATE, 200, seed=SEED)
    assert len(set(others)) == 200
    assert not given & set(others)
    assert {len(text) for text in others} == {len(text) for text in given}


def test_exposure_is_the_rank_among_the_references(tmp_path: Path) -> None:
    place = make_tokenizer(tmp_path, vocabulary=300)
    tokenizer = load_tokenizer(place)
    table = issue(TEMPLATE, [1, 40], 1, seed=SEED)
    seldom, often = dict.fromkeys(table.column("text").to_pylist())
    save_ngram(tmp_path / "model.json", " ".join([often] * 40), place)
    target = open_target(f"ngram:{tmp_path / 'model.json'}", OpenOptions())
    others = references(TEMPLATE, 99, seed=SEED)
    found = exposures(target, tokenizer, table, others)
    assert [(one.text, one.times) for one in found] == [(seldom, 1), (often, 40)]

    def logprob(text: str) -> float:
        ids = [target.facts.start_token_id, *tokenizer.encode([text])[1].tolist()]
        ids = [token for token in ids if token is not None]
        return float(sum(np.log(target.probability_VV[a, b]) for a, b in itertools.pairwise(ids)))

    for one in found:
        rank = 1 + sum(logprob(other) >= logprob(one.text) for other in others)
        assert one.logprob == pytest.approx(logprob(one.text), rel=1e-5)
        assert (one.rank, one.p_value) == (rank, rank / 100)
        assert one.exposure == math.log2(100 / rank)
    assert found[1].rank == 1


def test_the_commands_go_from_issue_to_exposure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = make_tokenizer(tmp_path, vocabulary=300)
    shard = tmp_path / "canaries.parquet"
    assert main(["detect", "canary", "issue", "--times", "2", "--each", "1", "--output", str(shard)]) == 0
    texts = pq.read_table(shard).column("text").to_pylist()
    save_ngram(tmp_path / "model.json", " ".join(texts * 20), place)
    asked = ["detect", "canary", "exposure", str(shard), "--tokenizer", str(place), "--target"]
    capsys.readouterr()
    assert main([*asked, f"ngram:{tmp_path / 'model.json'}", "--references", "99", "--json"]) == 1
    said = json.loads(capsys.readouterr().out)
    assert (said["known"], said["canaries"][0]["rank"], said["canaries"][0]["times"]) == (1, 1, 2)
    save_ngram(tmp_path / "other.json", "nothing of that kind", place)
    # Among 19 references one canary in twenty is the first by chance, as this one is.
    assert main([*asked, f"ngram:{tmp_path / 'other.json'}", "--references", "999"]) == 0
    assert main(["detect", "canary", "exposure", str(place), "--target", "ngram:x"]) == 3
    assert "not a Parquet file" in capsys.readouterr().err
    assert main(["detect", "canary", "exposure", str(tmp_path / "none.parquet"), "--target", "ngram:x"]) == 3
    assert "`datagov detect canary issue` makes one" in capsys.readouterr().err
    assert main(["detect", "canary", "issue", "--times", "0", "--output", str(shard)]) == 2
