"""calibrate, verdict and set-test on scores tables: what they say, and what they refuse."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scored import passage, text_path, write_scores
from typer.testing import CliRunner

from datagov.cli import build_app
from datagov.errors import ConfigError, InputError
from detectors.assessment import blinded
from detectors.statistics.documents import documents_of, read_scores
from detectors.tables import VERDICTS

COUNT = 260


def run(*arguments: Any) -> tuple[int, str]:
    finished = CliRunner().invoke(build_app(), ["detect", *map(str, arguments)])
    if finished.exception is not None and not isinstance(finished.exception, SystemExit):
        raise finished.exception
    return finished.exit_code, finished.stdout


def with_texts(suspects: Path, known: Path) -> list[Any]:
    return ["--calibration", known, "--texts", text_path(suspects), "--calibration-texts", text_path(known)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("scores")
    generator = np.random.default_rng(1)
    known = [passage(seed) for seed in range(COUNT)]
    alike = [passage(seed) for seed in range(COUNT, 2 * COUNT)]
    shifted = [passage(seed, year=2024) for seed in range(2 * COUNT, 3 * COUNT)]
    high = np.append(np.full(20, 9.0), generator.normal(size=COUNT - 20))
    write_scores(place / "known.parquet", known, generator.normal(size=COUNT), methods=("loss", "min_k"))
    write_scores(
        place / "suspects.parquet",
        alike,
        high,
        methods=("loss", "min_k"),
        source=["wiki", "forum"] * (COUNT // 2),
    )
    write_scores(place / "shifted.parquet", shifted, high)
    return place


def test_suspects_above_all_non_members_are_evidence(folder: Path, tmp_path: Path) -> None:
    suspects, output = folder / "suspects.parquet", tmp_path / "verdicts.parquet"
    code, told = run(
        "verdict",
        suspects,
        *with_texts(suspects, folder / "known.parquet"),
        "--method",
        "loss",
        "--output",
        output,
        "--json",
    )
    record = json.loads(told)
    assert code == 1
    assert record["blind"]["outcome"] == "equivalent"
    assert record["counts"]["evidence"] >= 20
    assert record["counts"]["confounded"] == record["counts"]["not calibratable"] == 0
    assert record["calibration"]["fpr_low"] < 0.05 < record["calibration"]["fpr_high"]
    table = pq.read_table(output)
    assert table.schema.equals(VERDICTS)
    assert table.column("verdict").to_pylist()[:20] == ["evidence"] * 20
    assert table.column("p_value")[0].as_py() == pytest.approx(1 / (COUNT + 1))


def test_the_same_scores_of_shifted_texts_are_confounded(folder: Path) -> None:
    suspects = folder / "shifted.parquet"
    code, told = run("verdict", suspects, *with_texts(suspects, folder / "known.parquet"), "--method", "loss")
    assert code == 0
    assert f"confounded\t{COUNT}" in told
    assert "blind check: separated" in told


def test_of_many_documents_some_are_compared_without_a_model(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blinded, "MOST", 100)
    suspects = folder / "shifted.parquet"
    given = (suspects, *with_texts(suspects, folder / "known.parquet"), "--method", "loss")
    code, told = run("verdict", *given, "--json")
    record = json.loads(told)
    assert code == 0
    assert (record["blind"]["suspects"], record["blind"]["non_members"]) == (100, 100)
    assert record["counts"]["confounded"] == COUNT
    assert record["residual"] is None or record["residual"]["suspects"] <= 100
    (remark,) = record["remarks"]
    assert f"compared 100 of {COUNT} suspects with 100 of {COUNT} known non-members" in remark
    assert json.loads(run("set-test", *given, "--json")[1])["blind"] == record["blind"]
    told = CliRunner().invoke(build_app(), ["detect", "set-test", *map(str, given)]).stderr
    assert "confounded: the texts differ without any model" in told


def test_without_texts_nothing_is_calibratable(folder: Path) -> None:
    code, told = run(
        "verdict",
        folder / "suspects.parquet",
        "--calibration",
        folder / "known.parquet",
        "--method",
        "loss",
        "--json",
    )
    assert code == 0
    assert json.loads(told)["counts"]["not calibratable"] == COUNT
    assert {document["reason"] for document in json.loads(told)["documents"]} == {"blind_not_run"}


def test_overlap_is_refused_with_the_names(folder: Path, tmp_path: Path) -> None:
    texts = [passage(COUNT - 1), *(passage(seed) for seed in range(1000, 1030))]
    suspects = write_scores(tmp_path / "s.parquet", texts, np.zeros(31))
    with pytest.raises(InputError, match=r"1 suspects stand among the known non-members.*: doc-0 \(row 0\)"):
        run("verdict", suspects, "--calibration", folder / "known.parquet", "--method", "loss")
    with pytest.raises(InputError, match=r"1 equal, 1 near-duplicates.*: doc-0 \(row 0\)"):
        run("verdict", suspects, *with_texts(suspects, folder / "known.parquet"), "--method", "loss")


def test_all_texts_of_a_document_that_overlaps_are_named(folder: Path, tmp_path: Path) -> None:
    copy = passage(COUNT - 1) + " word3"
    texts = [*(passage(seed) for seed in range(1000, 1030)), copy, passage(1040), copy]
    suspects = write_scores(tmp_path / "s.parquet", texts, np.zeros(33))
    with pytest.raises(InputError, match=r"1 suspects stand .*: doc-30 \(row 30, 32\)\. "):
        run("verdict", suspects, *with_texts(suspects, folder / "known.parquet"), "--method", "loss")


@pytest.mark.parametrize(
    "change",
    [
        {"target": "m2"},
        {"engine": "vllm 1"},
        {"dtype": "bfloat16"},
        {"start_token_id": None},
        {"window_policy": "disjoint"},
        {"rests_on": '{"shots": 3}'},
        {"tokens": 200},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_was_scored_otherwise_is_refused(folder: Path, tmp_path: Path, change: dict[str, Any]) -> None:
    texts = [passage(seed) for seed in range(2000, 2030)]
    suspects = write_scores(tmp_path / "s.parquet", texts, np.zeros(30), **change)
    with pytest.raises(InputError, match=r"different (conditions|lengths)"):
        run("verdict", suspects, "--calibration", folder / "known.parquet", "--method", "loss")


def test_other_texts_than_those_scored_are_refused(folder: Path) -> None:
    suspects, known = folder / "suspects.parquet", folder / "known.parquet"
    with pytest.raises(InputError, match="text 0 is not the one that was scored as doc-0"):
        run(
            "verdict", suspects, "--calibration", known, "--method", "loss", "--texts", text_path(folder / "shifted.parquet"),
            "--calibration-texts", text_path(known),
        )  # fmt: skip


def test_texts_in_another_column_or_form_are_found_again(folder: Path, tmp_path: Path) -> None:
    suspects, known = folder / "suspects.parquet", folder / "known.parquet"
    renamed, lines = [], []
    for path in (suspects, known):
        table = pq.read_table(text_path(path)).rename_columns(["body"])
        renamed.append(tmp_path / path.name)
        pq.write_table(table, renamed[-1])
        lines.append(renamed[-1].with_suffix(".txt"))
        lines[-1].write_text("\n".join(table.column("body").to_pylist()))
    plain = ["verdict", suspects, "--calibration", known, "--method", "loss", "--json"]
    asked = [*plain, "--texts", renamed[0], "--calibration-texts", renamed[1]]
    with pytest.raises(InputError, match=r"no column 'text' for the text.*body"):
        run(*asked)
    expected = run("verdict", suspects, *with_texts(suspects, known), "--method", "loss", "--json")
    assert run(*asked, "--text-column", "body") == expected
    assert run(*plain, "--texts", lines[0], "--calibration-texts", lines[1], "--format", "lines") == expected


def test_an_unknown_method_is_answered_with_the_nearest(folder: Path) -> None:
    with pytest.raises(ConfigError, match="Did you mean 'min_k'"):
        run("calibrate", folder / "known.parquet", "--method", "mink")


def test_calibrate_prints_the_band_and_refuses_too_few(folder: Path, tmp_path: Path) -> None:
    record = json.loads(run("calibrate", folder / "known.parquet", "--method", "loss", "--json")[1])
    assert record["threshold"]["rank"] == 13
    assert record["threshold"]["non_members"] == COUNT
    assert record["self_test"]["rate"] < 0.1
    few = write_scores(tmp_path / "few.parquet", [passage(n) for n in range(10)], np.arange(10.0))
    with pytest.raises(InputError, match="Give at least 19 documents"):
        run("calibrate", few, "--method", "loss")


def test_a_set_test_by_source_and_by_a_mix(folder: Path) -> None:
    suspects = folder / "suspects.parquet"
    code, told = run(
        "set-test", suspects, *with_texts(suspects, folder / "known.parquet"), "--method", "loss", "--by-source", "--mix",
        "loss, min_k", "--json",
    )  # fmt: skip
    record = json.loads(told)
    assert code == 0
    assert record["test"]["suspects"] == COUNT
    assert record["test"]["permutation_p"] < 0.01
    assert [source["source"] for source in record["sources"]] == ["forum", "wiki"]
    assert all(source["adjusted_p"] >= source["test"]["permutation_p"] for source in record["sources"])
    assert record["mix"]["methods"] == ["loss", "min_k"]
    assert record["blind"]["outcome"] == "equivalent"
    assert (
        "self-test"
        in run("set-test", suspects, "--calibration", folder / "known.parquet", "--method", "loss")[1]
    )


def test_a_set_test_against_a_control_sees_through_texts_that_differ(tmp_path: Path) -> None:
    """Shifted suspects score high under every target: the gain over a control is that of the ten that were seen."""
    generator = np.random.default_rng(3)
    count = 60
    known, shifted = (
        [passage(n) for n in range(count)],
        [passage(n, year=2024) for n in range(count, 2 * count)],
    )
    sides = {
        "known": (known, generator.normal(size=count)),
        "late": (shifted, 3 + generator.normal(size=count)),
    }
    for name, (texts, base) in sides.items():
        write_scores(tmp_path / f"{name}-control.parquet", texts, base, target="m0")
        noise = base + generator.normal(scale=0.1, size=count)
        write_scores(tmp_path / f"{name}-unseen.parquet", texts, noise)
        noise[:10] += 2.0 * (name == "late")
        write_scores(tmp_path / f"{name}-seen.parquet", texts, noise)

    def tested(target: str) -> dict[str, Any]:
        suspects, others = (tmp_path / f"{name}-{target}.parquet" for name in ("late", "known"))
        controls = [tmp_path / f"{name}-control.parquet" for name in ("late", "known")]
        command = ["set-test", suspects, "--calibration", others, "--method", "loss"]
        told = run(*command, "--control", controls[0], "--control-calibration", controls[1], "--json")[1]
        return json.loads(told)

    for target, found in (("unseen", False), ("seen", True)):
        record = tested(target)
        assert record["test"]["permutation_p"] < 0.001
        assert (record["control"]["test"]["permutation_p"] < 0.01) == found
        assert record["control"]["auroc"]["control"] > 0.9
    assert record["control"]["test"]["suspects"] == count
    suspects, others = tmp_path / "late-seen.parquet", tmp_path / "known-seen.parquet"
    command = ["set-test", suspects, "--calibration", others, "--method", "loss"]
    with pytest.raises(ConfigError, match="--control goes with --control-calibration"):
        run(*command, "--control", tmp_path / "late-control.parquet")
    with pytest.raises(InputError, match="the control is the target itself"):
        run(*command, "--control", suspects, "--control-calibration", others)
    controls = [tmp_path / f"{name}-control.parquet" for name in ("known", "late")]
    with pytest.raises(InputError, match="not of the same texts"):
        run(*command, "--control", controls[0], "--control-calibration", controls[1])


def test_texts_of_one_document_and_near_duplicates_count_once(tmp_path: Path) -> None:
    texts = [passage(1), passage(2), passage(1), passage(2) + " word3"]
    scores = write_scores(tmp_path / "s.parquet", texts, [1.0, 4.0, 3.0, None])
    table = read_scores(scores)
    found = documents_of(table, "loss")
    assert found.first.tolist() == [0, 1, 3]
    assert found.texts.tolist() == [2, 1, 1]
    assert found.scores[:2].tolist() == [2.0, 4.0]
    assert found.reasons == [None, None, "no_tokens"]
    near = documents_of(table, "loss", reduce="max", near=np.array([0, 1, 2, 1]))
    assert near.texts.tolist() == [2, 2]
    assert near.scores.tolist() == [3.0, 4.0]
    with pytest.raises(ConfigError, match="Did you mean 'median'"):
        documents_of(table, "loss", reduce="medin")


def test_a_file_that_is_no_scores_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_scores(tmp_path / "none.parquet")
    pq.write_table(pa.table({"text": [1]}), tmp_path / "other.parquet")
    with pytest.raises(InputError, match="lacks doc_id, content_id"):
        read_scores(tmp_path / "other.parquet")
