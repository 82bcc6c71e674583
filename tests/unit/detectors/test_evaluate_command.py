"""evaluate on scores tables: how labels are joined, and what each method's figures are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scored import passage, write_scores
from typer.testing import CliRunner

from datagov.cli import build_app
from datagov.errors import ConfigError, InputError


def run(*arguments: Any) -> tuple[int, str]:
    finished = CliRunner().invoke(build_app(), ["detect", *map(str, arguments)])
    if finished.exception is not None and not isinstance(finished.exception, SystemExit):
        raise finished.exception
    return finished.exit_code, finished.stdout


def replaced(path: Path, column: str, values: pa.Array) -> None:
    table = pq.read_table(path)
    place = table.schema.get_field_index(column)
    pq.write_table(table.set_column(place, table.schema.field(place), values), path)


def test_an_unknown_column_to_cluster_by_is_refused(tmp_path: Path) -> None:
    scores = write_scores(tmp_path / "s.parquet", [passage(n) for n in range(20)], np.zeros(20))
    labels = tmp_path / "labels.csv"
    labels.write_text("label\n" + "1\n0\n" * 10)
    with pytest.raises(ConfigError, match=r"no column 'sources' to cluster by. Did you mean 'source'"):
        run("evaluate", scores, "--labels", labels, "--cluster", "sources")


def test_rows_of_labels_without_an_id_are_of_no_text(tmp_path: Path) -> None:
    scores = write_scores(tmp_path / "s.parquet", [passage(n) for n in range(20)], np.arange(20.0))
    rows = [f"doc-{n},{n % 2}" for n in range(20)]
    answers = []
    for more in ([], [",0", ",1"]):
        labels = tmp_path / "labels.csv"
        labels.write_text("\n".join(["id,label", *rows, *more]) + "\n")
        code, said = run("evaluate", scores, "--labels", labels, "--json")
        assert code == 0
        answers.append(said)
    assert answers[0] == answers[1]


def test_evaluate_reads_labels_by_id_or_row(tmp_path: Path) -> None:
    generator = np.random.default_rng(2)
    truth = np.arange(200) < 100
    scores = write_scores(
        tmp_path / "s.parquet",
        [passage(n) for n in range(200)],
        generator.normal(truth * 1.5, 1),
        methods=("loss", "rank"),
    )
    pq.write_table(pa.table({"label": truth}), tmp_path / "rows.parquet")
    (tmp_path / "ids.csv").write_text(
        "id,label\n" + "".join(f"doc-{n},{int(truth[n])}\n" for n in range(199, -1, -1))
    )
    by_row = json.loads(run("evaluate", scores, "--labels", tmp_path / "rows.parquet", "--json")[1])
    by_id = json.loads(run("evaluate", scores, "--labels", tmp_path / "ids.csv", "--json")[1])
    assert by_row == by_id
    assert [record["method"] for record in by_row] == ["loss", "rank"]
    assert 0.7 < by_row[0]["auroc"]["value"] < 0.95
    rare, one, five = by_row[0]["operating_points"]
    assert "fewer than 1000" in rare["reason"]
    assert one["false_positives"] <= 1
    assert five["tpr"] > 0.1
    assert [value["prior"] for value in five["predictive_values"]] == [0.01, 0.1, 0.5]
    assert (
        "AUROC 0." in run("evaluate", scores, "--labels", tmp_path / "rows.parquet", "--methods", "loss")[1]
    )


def test_evaluate_against_a_control(tmp_path: Path) -> None:
    generator = np.random.default_rng(3)
    truth = np.arange(100) < 50
    texts = [passage(n) for n in range(100)]
    target = write_scores(tmp_path / "t.parquet", texts, generator.normal(truth * 1.0, 1))
    control = write_scores(tmp_path / "c.parquet", texts, generator.normal(size=100), target="m0")
    pq.write_table(pa.table({"label": truth}), tmp_path / "l.parquet")
    record = json.loads(
        run("evaluate", target, "--labels", tmp_path / "l.parquet", "--control", control, "--json")[1]
    )[0]
    assert record["control"]["difference"] == pytest.approx(
        record["control"]["target"] - record["control"]["control"]
    )
    with pytest.raises(InputError, match="the control is the target itself"):
        run("evaluate", target, "--labels", tmp_path / "l.parquet", "--control", target)


def test_labels_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    scores = write_scores(tmp_path / "s.parquet", [passage(n) for n in range(5)], np.zeros(5))
    (tmp_path / "few.csv").write_text("label\n1\n0\n")
    with pytest.raises(InputError, match="has 2 rows and no id"):
        run("evaluate", scores, "--labels", tmp_path / "few.csv")
    (tmp_path / "odd.csv").write_text("id,label\ndoc-0,perhaps\n")
    with pytest.raises(InputError, match=r"odd.csv:0: 'perhaps' is no label"):
        run("evaluate", scores, "--labels", tmp_path / "odd.csv")
    (tmp_path / "long.csv").write_text("id,label\ndoc-0," + "x" * 500 + "\n")
    with pytest.raises(InputError, match=r"long.csv:0: 'x{40,60}\.\.\. is no label"):
        run("evaluate", scores, "--labels", tmp_path / "long.csv")
    pq.write_table(pa.table({"label": [[1]] * 5}), tmp_path / "lists.parquet")
    with pytest.raises(InputError, match=r"lists.parquet:0: \[1\] is no label"):
        run("evaluate", scores, "--labels", tmp_path / "lists.parquet")
    (tmp_path / "both.csv").write_text("id,label\ndoc-0,1\ndoc-0,0\n")
    with pytest.raises(InputError, match="a member in one row and a non-member in another"):
        run("evaluate", scores, "--labels", tmp_path / "both.csv")


def test_ids_of_digits_keep_their_zeros_and_blanks_are_no_labels(tmp_path: Path) -> None:
    scores = write_scores(tmp_path / "s.parquet", [passage(n) for n in range(30)], np.arange(30.0))
    names = [f"{n:03d}" for n in range(30)]
    replaced(scores, "id", pa.array(names))
    lines = [f"{name},{['1', '0', ''][n % 3]}" for n, name in enumerate(names)]
    (tmp_path / "l.csv").write_text("id,label\n" + "\n".join(lines) + "\n")
    (record,) = json.loads(run("evaluate", scores, "--labels", tmp_path / "l.csv", "--json")[1])
    assert (record["members"], record["non_members"], record["unlabelled"]) == (10, 10, 10)


@pytest.mark.parametrize("blank", [pa.nulls(20), pa.array([""] * 20)], ids=["null", "empty"])
def test_labels_with_a_blank_doc_id_are_joined_by_id(tmp_path: Path, blank: pa.Array) -> None:
    scores = write_scores(tmp_path / "s.parquet", [passage(n) for n in range(20)], np.arange(20.0))
    replaced(scores, "doc_id", pa.array([UUID(int=n + 1) for n in range(20)], pa.uuid()))
    # In another order than the texts: by row, members would not be those of the highest scores.
    order = [(7 * n) % 20 for n in range(20)]
    table = {"id": [f"doc-{n}" for n in order], "label": [int(n >= 10) for n in order]}
    pq.write_table(pa.table({"doc_id": blank, **table}), tmp_path / "l.parquet")
    (record,) = json.loads(run("evaluate", scores, "--labels", tmp_path / "l.parquet", "--json")[1])
    assert (record["auroc"]["value"], record["unlabelled"]) == (1.0, 0)


def test_labels_are_joined_by_doc_id_however_it_is_written(tmp_path: Path) -> None:
    names = [UUID(int=n + 1) for n in range(20)]
    scores = write_scores(tmp_path / "s.parquet", [passage(n) for n in range(20)], np.arange(20.0))
    replaced(scores, "doc_id", pa.array(names, pa.uuid()))
    truth = [n % 2 for n in range(20)]
    written = {
        "uuid": pa.array(names, pa.uuid()),
        "text": pa.array([str(name).upper() for name in names]),
        "bytes": pa.array([name.bytes for name in names], pa.binary(16)),
    }
    found = []
    for name, column in written.items():
        labels = tmp_path / f"{name}.parquet"
        pq.write_table(pa.table({"doc_id": column, "label": truth}), labels)
        found.append(run("evaluate", scores, "--labels", labels, "--json"))
    assert found[0] == found[1] == found[2]
    assert json.loads(found[0][1])[0]["members"] == 10


def test_a_method_without_scores_leaves_the_others_their_figures(tmp_path: Path) -> None:
    texts = [passage(n) for n in range(40)]
    scores = write_scores(tmp_path / "s.parquet", texts, np.arange(40.0))
    nothing = write_scores(tmp_path / "n.parquet", texts, [None] * 40, methods=("surp",))
    both = pa.concat_tables([pq.read_table(scores), pq.read_table(nothing)])
    pq.write_table(both, tmp_path / "both.parquet")
    (tmp_path / "l.csv").write_text("label\n" + "1\n0\n" * 20)
    given = ("evaluate", tmp_path / "both.parquet", "--labels", tmp_path / "l.csv")
    loss, surp = json.loads(run(*given, "--json")[1])
    assert loss["auroc"]["value"] == pytest.approx(0.475)
    assert surp["auroc"] is None
    assert surp["reason"].endswith("there are 0 and 0")
    assert "AUROC undefined" in run(*given, "--methods", "loss, surp")[1]
    with pytest.raises(InputError, match=r"no method can be evaluated: surp: .* 0 and 0"):
        run(*given, "--methods", "surp")


def test_a_document_takes_the_label_that_any_of_its_texts_has(tmp_path: Path) -> None:
    texts = [passage(n) for n in range(12)]
    scores = write_scores(tmp_path / "s.parquet", texts, np.arange(12.0))
    # Texts 0 and 1 are one document.
    replaced(scores, "doc_id", pa.array([UUID(int=max(n, 1)) for n in range(12)], pa.uuid()))
    labels = ["", "1", "0", *["1", "0"] * 4, "1"]
    (tmp_path / "l.csv").write_text(
        "id,label\n" + "".join(f"doc-{n},{label}\n" for n, label in enumerate(labels))
    )
    (record,) = json.loads(run("evaluate", scores, "--labels", tmp_path / "l.csv", "--json")[1])
    assert (record["members"], record["non_members"], record["unlabelled"]) == (6, 5, 0)
    labels[0] = "0"
    (tmp_path / "l.csv").write_text(
        "id,label\n" + "".join(f"doc-{n},{label}\n" for n, label in enumerate(labels))
    )
    with pytest.raises(
        InputError, match=r"1 documents have texts that are members and texts that are not .*: doc-0"
    ):
        run("evaluate", scores, "--labels", tmp_path / "l.csv")


def test_documents_without_a_cluster_are_clusters_of_their_own(tmp_path: Path) -> None:
    texts = [passage(n) for n in range(40)]
    values = np.random.default_rng(4).normal(size=40)
    (tmp_path / "l.csv").write_text("label\n" + "1\n0\n" * 20)
    given = ("--labels", tmp_path / "l.csv", "--cluster", "source", "--json")
    alone = write_scores(tmp_path / "a.parquet", texts, values, source=[None] * 36 + ["a", "b", "c", "d"])
    assert json.loads(run("evaluate", alone, *given)[1])[0]["auroc"]["method"] == "delong"
    empty = write_scores(tmp_path / "e.parquet", texts, values)
    with pytest.raises(ConfigError, match="column 'source' is empty"):
        run("evaluate", empty, *given)
