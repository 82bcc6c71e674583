"""A lab's sets are disjoint and the same from the same seed; `score` gives every text a score or a reason."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from governing import Finished
from lab_models import SMALL

from datagov.errors import ConfigError
from detectors.lab.clusters import near_duplicate_clusters
from detectors.lab.lab_texts import LabSizes, divide
from detectors.lab.time_shift import shift_texts
from detectors.lab.train import Lab
from detectors.lab.zipf_source import make_texts
from detectors.tables import SCORES

Cli = Callable[..., Finished]
SIZES = LabSizes({1: 20, 4: 10}, non_members=20, calibration=10, background=20)


def test_no_cluster_of_near_duplicates_is_on_two_sides() -> None:
    texts = make_texts(90, 30, seed=1)
    copies = [text + " Bala kodi." for text in texts[:40]]
    divided = divide(texts + copies, SIZES, seed=2)
    sides = (divided.members, divided.non_members, divided.calibration, divided.background)
    together = [text for side in sides for text in side]
    assert len(together) == SIZES.all
    assert np.array_equal(near_duplicate_clusters(together), np.arange(len(together)))
    assert divided == divide(texts + copies, SIZES, seed=2)
    assert divided.members != divide(texts + copies, SIZES, seed=3).members
    assert len(divided.training(seed=0)) == 20 + 4 * 10


def test_too_few_different_texts_are_said() -> None:
    with pytest.raises(
        ConfigError, match="needs 80 texts that are no near-duplicates of each other, and there are 5"
    ):
        divide(make_texts(5, 30, seed=1) * 30, SIZES, seed=0)


def test_shifted_texts_are_of_a_later_time() -> None:
    texts = ["In 2012 the committee met in Paris. The committee agreed.", "二〇一二年，委员会同意。"]
    assert shift_texts(texts, seed=0) == shift_texts(texts, seed=0)
    assert all("2012" not in text and "202" in text for text in shift_texts(texts, seed=0))


def test_a_lab_knows_its_members(lab: Lab) -> None:
    members = pq.read_table(lab.texts("members"))
    assert members.column("repetition").to_pylist() == [1] * 40 + [4] * 20 + [16] * 20
    assert set(members.column("label").to_pylist()) == {1}
    labelled = pq.read_table(lab.texts("labelled"))
    assert labelled.num_rows == SMALL.sizes.members + SMALL.sizes.non_members
    assert len(set(labelled.column("id").to_pylist())) == labelled.num_rows


def test_a_lab_in_gguf_holds_the_same_weights(lab: Lab) -> None:
    import gguf
    from safetensors.numpy import load_file

    reader = gguf.GGUFReader(lab.gguf)
    stored = {tensor.name: np.asarray(tensor.data) for tensor in reader.tensors}
    weights = load_file(lab.model / "model.safetensors")
    assert np.array_equal(stored["token_embd.weight"], weights["model.embed_tokens.weight"])
    query = weights["model.layers.0.self_attn.q_proj.weight"]
    # llama.cpp rotates neighbours, transformers halves: row 2 i is row i, row 2 i + 1 is row i + 32 of a head.
    assert np.array_equal(stored["blk.0.attn_q.weight"][0:64:2], query[:32])
    assert np.array_equal(stored["blk.0.attn_q.weight"][1:64:2], query[32:64])


def test_score_gives_each_text_a_score_or_a_reason(lab: Lab, program: Cli, tmp_path: Path) -> None:
    texts = tmp_path / "texts.jsonl"
    rows = [{"id": "a", "text": "In 2019. Bala kodi."}, {"id": "b", "text": None}, {"id": "c", "text": ""}]
    texts.write_text("\n".join(json.dumps(row) for row in [*rows, {"id": "d", "text": "x" * 3000}]))
    output = tmp_path / "scores.parquet"
    given = ("--texts", texts, "--methods", "min_k,dc_pdd", "--frequency", lab.frequency, "--output", output)
    store = tmp_path / "store"
    done = program("detect", "score", "--target", lab.model, "--device", "cpu", "--traces", store, *given)
    assert done.code == 0, done.err
    first = pq.read_table(output)
    assert first.schema.equals(SCORES)
    found = {(row["id"], row["method"]): row for row in first.to_pylist()}
    assert [found[name, "min_k"]["reason"] for name in "abcd"] == [None, "null_text", "empty_text", None]
    assert all((row["score"] is None) == (row["reason"] is not None) for row in found.values())
    assert found["d", "min_k"]["windows"] > 1
    assert found["a", "dc_pdd"]["score"] > 0
    again = program("detect", "score", "--target", f"traces:{store}", *given)
    assert again.code == 0, again.err
    assert pq.read_table(output).equals(first)


def test_methods_with_further_passes(lab: Lab, cli: Cli, tmp_path: Path) -> None:
    sets = {name: pq.read_table(lab.texts(name)) for name in ("non_members", "calibration", "members")}
    given: list[object] = []
    for option, name, rows in (
        ("--texts", "non_members", 5),
        ("--non-member-shots", "calibration", 4),
        ("--member-shots", "members", 4),
    ):
        pq.write_table(sets[name].slice(0, rows), tmp_path / f"{name}.parquet")
        given += [option, tmp_path / f"{name}.parquet"]
    methods = "reference,recall,con_recall,pac,verbatim"
    output = tmp_path / "scores.parquet"
    settings = ("--methods", methods, "--shots", "1", "--window-tokens", "20", "--reference", lab.model)
    asked = ("--target", lab.model, "--device", "cpu", *given, *settings, "--output", output, "--json")
    done = cli("detect", "score", *asked)
    assert done.code == 0, done.err
    found = {(row["text"], row["method"]): row["score"] for row in done.json}
    assert len(found) == 5 * 5
    assert None not in found.values()
    # A model is no better than itself: the reference reads the same windows.
    assert [found[text, "reference"] for text in range(5)] == [0.0] * 5
    assert len({found[text, "recall"] for text in range(5)}) == 5
    written = pq.read_table(output).slice(0, 5).to_pylist()
    rests_on = {row["method"]: json.loads(row["rests_on"]) for row in written}
    assert rests_on["verbatim"] == {}
    assert rests_on["pac"] == {"seed": 0}
    assert rests_on["reference"] == {"reference": written[0]["target"]}
    assert rests_on["recall"].keys() == {"pools", "seed", "shots"}
    assert rests_on["recall"]["pools"].keys() == {"non_member"}
    assert rests_on["con_recall"]["pools"].keys() == {"member", "non_member"}


def test_shots_are_no_texts_that_are_scored(lab: Lab, cli: Cli) -> None:
    texts = lab.texts("calibration")
    given = ("--texts", texts, "--methods", "recall", "--non-member-shots", texts)
    done = cli("detect", "score", "--target", lab.model, "--device", "cpu", *given)
    assert done.code == 3
    assert "are scored as well: row 0" in done.err


def test_a_lower_case_text_has_no_lowercase_score(lab: Lab, cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "lower.txt").write_text("bala kodi bala")
    given = ("--texts", tmp_path / "lower.txt", "--methods", "lowercase", "--json")
    done = cli("detect", "score", "--target", lab.model, "--device", "cpu", *given)
    (row,) = done.json
    assert row["score"] is None
    assert row["reason"] == "lowercase_equal"


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("--methods", "dc_pdd"), 2, "dc_pdd needs a token-frequency table"),
        (("--methods", "min_kk"), 2, "Did you mean 'min_k'"),
        (("--methods", "min_k", "--set", "k=0.1"), 2, "expected METHOD.PARAM=VALUE"),
        (("--methods", "min_k", "--set", "min_k.k={"), 2, "'{' is no value"),
        (("--methods", "reference"), 2, "needs a reference model"),
        (("--methods", "recall"), 2, "--non-member-shots FILE"),
        (("--methods", "min_k_plus_plus_top"), 4, "needs top_logprobs, and"),
        (("--methods", "min_k", "--window-tokens", "9999"), 2, "takes at most"),
    ],
)
def test_what_is_missing_is_said(
    lab: Lab, cli: Cli, tmp_path: Path, arguments: tuple[str, ...], code: int, says: str
) -> None:
    (tmp_path / "one.txt").write_text("Bala kodi.")
    texts = ("--texts", tmp_path / "one.txt")
    done = cli("detect", "score", "--target", lab.model, "--device", "cpu", *texts, *arguments)
    assert (done.code, says in done.err) == (code, True), done.err
