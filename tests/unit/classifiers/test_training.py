"""Training: what is read, held out, calibrated, evaluated and written, and what is refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datagov.classifiers import calibration, evaluation
from datagov.classifiers.card import MILLION, Calibration, NGrams
from datagov.classifiers.labelled import Labelled, read_labelled
from datagov.classifiers.linear import Linear
from datagov.classifiers.linear_training import LinearSettings, LinearTrainer
from datagov.classifiers.model import calibrated, load
from datagov.classifiers.training import Plan, evaluate, said_of_its_own, train
from datagov.cli import main
from datagov.errors import ConfigError, InputError
from datagov.model_files import model_file
from datagov.text.batch import TextBatch

RUDE = ["你这个笨蛋", "真是笨蛋啊", "you fool", "such a fool", "fool and 笨蛋"]
KIND = ["今天天气好", "谢谢你啊", "a nice day", "such a friend", "thank you"]
PLAN = Plan(NGrams(chars=(1, 3), words=1), LinearSettings(), folds=2)


def documents(copies: int = 8) -> dict[str, list[Any]]:
    texts = [f"{text} {at}" for at in range(copies) for text in (*RUDE, *KIND)]
    return {
        "text": texts,
        "label": [1, 1, 1, 1, 1, 0, 0, 0, 0, 0] * copies,
        "group": [at // 10 for at in range(len(texts))],
    }


def write(path: Path, **columns: Any) -> Path:
    pq.write_table(pa.table(columns), path)
    return path


@pytest.fixture
def labelled(tmp_path: Path) -> Labelled:
    return read_labelled([write(tmp_path / "data.parquet", **documents())])


def test_what_is_trained_is_written_and_tells_labels_apart(tmp_path: Path, labelled: Labelled) -> None:
    card = train(tmp_path / "rude", labelled, PLAN, labelled)
    model = load(model_file(tmp_path / "rude/card.json"))
    assert model.card == card
    assert (card.labels, card.positive) == (["0", "1"], "1")
    assert card.training["files"].keys() == {"data.parquet"}
    assert card.training["documents"] == {"0": 40, "1": 40}
    assert card.evaluation["cross_validation"]["macro_f1"] == 1.0
    assert card.evaluation["held_out"]["macro_f1"] == 1.0
    assert evaluate(model, labelled)["by_label"]["1"]["recall"] == 1.0
    batch = TextBatch(pa.array(["笨蛋", "谢谢", ""], pa.large_string()))
    rude, kind, nothing = model.scores(batch, "1")
    assert rude > MILLION / 2 > kind
    assert np.isnan(nothing)


def test_the_same_data_gives_the_same_bytes(tmp_path: Path, labelled: Labelled) -> None:
    for place in ("one", "two"):
        train(tmp_path / place / "rude", labelled, PLAN)
    for file in ("card.json", "weights.npz"):
        assert (tmp_path / "one/rude" / file).read_bytes() == (tmp_path / "two/rude" / file).read_bytes()


def test_the_positive_label_is_the_one_that_is_named(tmp_path: Path, labelled: Labelled) -> None:
    plan = Plan(PLAN.reading, PLAN.settings, positive="0", folds=2, method="platt")
    card = train(tmp_path / "kind", labelled, plan)
    assert (card.labels, card.positive, list(card.calibration)) == (["1", "0"], "0", ["0"])
    model = load(model_file(tmp_path / "kind/card.json"))
    rude, kind = model.scores(TextBatch(pa.array(["笨蛋", "谢谢"], pa.large_string())), "0")
    assert rude < MILLION / 2 < kind
    with pytest.raises(ConfigError, match="positive is '2', which is no label; there are 0, 1"):
        train(tmp_path / "new", labelled, Plan(PLAN.reading, PLAN.settings, positive="2"))


def test_more_labels_than_two_are_told_apart(tmp_path: Path) -> None:
    texts = [f"{word} {at}" for at in range(12) for word in ("alpha", "beta", "gamma")]
    path = write(tmp_path / "three.parquet", text=texts, label=["a", "b", "c"] * 12)
    data = read_labelled([path])
    card = train(tmp_path / "three", data, Plan(PLAN.reading, PLAN.settings, positive="a", folds=3), data)
    assert sorted(card.calibration) == ["a", "b", "c"] == sorted(card.labels)
    assert card.evaluation["held_out"]["accuracy"] == 1.0
    assert "threshold" not in card.evaluation


@pytest.mark.parametrize("smoothing", [None, 1.0])
def test_scoring_computes_what_training_did(labelled: Labelled, smoothing: float | None) -> None:
    reading = NGrams(chars=(1, 4), words=2)
    batch = TextBatch(labelled.texts)
    trainer = LinearTrainer(batch, reading, LinearSettings(smoothing=smoothing), 2)
    rows = np.arange(0, len(labelled.label), 3)
    linear: Linear = trainer.fit(rows, labelled.label[rows])
    everything = np.arange(len(labelled.label))
    np.testing.assert_allclose(linear.margins(batch, reading), trainer.raw(linear, everything), atol=1e-5)


def test_weights_are_those_of_scikit_learn(labelled: Labelled) -> None:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    reading = NGrams(chars=(1, 2), words=0)
    batch = TextBatch(labelled.texts)
    trainer = LinearTrainer(batch, reading, LinearSettings(min_documents=1, smoothing=None, cost=2.0), 2)
    rows = np.arange(len(labelled.label))
    linear: Linear = trainer.fit(rows, labelled.label)
    texts = [f" {text.lower()} " for text in labelled.texts.to_pylist()]
    vectors = TfidfVectorizer(analyzer="char", ngram_range=(1, 2), sublinear_tf=True, lowercase=False)
    model = LogisticRegression(C=2.0, class_weight="balanced", solver="liblinear", random_state=0)
    expected = model.fit(vectors.fit_transform(texts), labelled.label).decision_function(
        vectors.transform(texts)
    )
    np.testing.assert_allclose(linear.margins(batch, reading)[:, 0], expected, atol=2e-3)


def test_no_group_is_on_both_sides(tmp_path: Path) -> None:
    from datagov.classifiers.cross_validation import held_out_outputs

    data = read_labelled([write(tmp_path / "data.parquet", **documents())], group="group")
    learned: list[set[int]] = []

    class Watcher:
        def fit(self, rows: np.ndarray, label: np.ndarray) -> int:
            assert len(rows) == len(label)
            learned.append(set(rows.tolist()))
            return len(learned) - 1

        def raw(self, model: int, rows: np.ndarray) -> np.ndarray:
            assert data.group is not None
            assert not set(data.group[list(learned[model])]) & set(data.group[rows])
            return np.zeros((len(rows), 1))

    raw, part = held_out_outputs(Watcher(), data, 4, 0)
    assert sorted(np.unique(part)) == [0, 1, 2, 3]
    assert not np.isnan(raw).any()


@settings(max_examples=30)
@given(pairs=st.lists(st.tuples(st.booleans(), st.integers(0, 8)), min_size=4, max_size=40))
def test_figures_are_those_of_scikit_learn(pairs: list[tuple[bool, int]]) -> None:
    from sklearn import metrics

    true = np.array([label for label, _ in pairs])
    score = np.array([value for _, value in pairs]) / 8
    label = true.astype(np.int64)
    found = evaluation.report_of_two(label, score, np.full(len(score), 0.5), ["no", "yes"], positive=1)
    chosen = score >= 0.5
    assert found["accuracy"] == pytest.approx(metrics.accuracy_score(true, chosen))
    expected = metrics.f1_score(true, chosen, average="macro", labels=[False, True], zero_division=0)
    assert found["macro_f1"] == pytest.approx(expected)
    assert found["brier"] == pytest.approx(np.mean((score - true) ** 2))
    if 0 < true.sum() < len(true):
        assert found["auroc"] == pytest.approx(metrics.roc_auc_score(true, score))
    row = found["thresholds"][9]
    assert (row["threshold"], row["flagged"]) == (0.5, chosen.mean())


@pytest.mark.parametrize("method", calibration.METHODS)
def test_calibrated_scores_are_frequencies(method: calibration.Method) -> None:
    drawn = np.random.default_rng(0)
    raw = drawn.normal(size=4000)
    positive = drawn.uniform(size=4000) < 1 / (1 + np.exp(-2 * raw - 1))
    curve = calibration.fit(raw[:2000], positive[:2000], method)
    found = calibrated(raw[2000:], curve) / MILLION
    assert evaluation.calibration_error(positive[2000:], found)["expected_error"] < 0.03
    assert (np.diff(found[np.argsort(raw[2000:])]) >= 0).all()


@pytest.mark.parametrize(
    ("columns", "options", "message"),
    [
        ({"text": ["a", "b"]}, {}, "no column 'label'. Known: text"),
        ({"text": ["a", "b"], "label": [1, 1]}, {}, "all documents have the label '1'"),
        (
            {"text": ["a", " \n"], "label": [1, 0]},
            {},
            "text is empty or NULL; remove such rows (1 of 2: row 1)",
        ),
        ({"text": ["a", None], "label": [1, 0]}, {}, "text is empty or NULL"),
        ({"text": ["a", "b"], "label": [1, None]}, {}, "label is NULL; every document needs a label"),
        ({"text": ["a", "b"], "label": [0.5, 1]}, {}, "labels are strings, whole numbers or booleans"),
        ({"text": ["a", "b"], "label": [1, 0], "g": ["x", None]}, {"group": "g"}, "g is NULL"),
        (
            {"text": ["a", "b"], "label": ["yes", "noo"]},
            {"labels": ["yes", "no"]},
            "has the label 'noo'. Did you mean 'no'",
        ),
    ],
)
def test_data_that_cannot_be_used_says_why(
    tmp_path: Path, columns: dict[str, Any], options: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError) as raised:
        read_labelled([write(tmp_path / "data.parquet", **columns)], **options)
    assert message in raised.value.message


def test_files_that_are_no_parquet_or_differ_are_refused(tmp_path: Path) -> None:
    (tmp_path / "x.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(InputError, match="cannot be read as Parquet"):
        read_labelled([tmp_path / "x.parquet"])
    with pytest.raises(InputError, match="cannot be read as Parquet"):
        read_labelled([tmp_path / "gone.parquet"])
    paths = [
        write(tmp_path / f"{at}.parquet", text=["a", "b"], label=label)
        for at, label in enumerate(([0, 1], ["0", "1"]))
    ]
    with pytest.raises(InputError, match="a column is of several types: int64, string"):
        read_labelled(paths)


def test_too_few_documents_are_refused_and_nothing_is_written(tmp_path: Path, labelled: Labelled) -> None:
    with pytest.raises(InputError, match="the label '0' has 40 documents, fewer than 50 folds"):
        train(tmp_path / "new", labelled, Plan(PLAN.reading, PLAN.settings, folds=50))
    rare = Plan(PLAN.reading, LinearSettings(min_documents=1000), folds=2)
    with pytest.raises(InputError, match="no n-gram stands in 1000 of the 40 documents"):
        train(tmp_path / "new", labelled, rare)
    assert [path.name for path in tmp_path.iterdir()] == ["data.parquet"]


def told(capsys: pytest.CaptureFixture[str], *arguments: Any) -> tuple[int, str, str]:
    code = main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_a_kept_model_unlike_those_of_the_folds_is_told(labelled: Labelled) -> None:
    steep = Calibration(raw=[0.0, 1.0], millionths=[0, MILLION])
    outputs = np.linspace(0, 0.2, len(labelled.label))[:, None]
    assert said_of_its_own(outputs, [steep], labelled) == {
        "1": {"share": 0.5, "mean_probability": pytest.approx(0.1, abs=1e-6)}
    }


Told = Callable[..., tuple[int, str, str]]


def test_the_commands_train_and_evaluate(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = write(tmp_path / "data.parquet", **documents())
    options = ["--output", tmp_path / "rude", "--group", "group", "--folds", 2, "--evaluate", data]
    code, out, err = told(capsys, "train", "classifier", data, *options, "--chars", "1-2", "--words", 0)
    assert (code, err) == (0, "")
    assert "held out: 80 documents, macro-F1 1.0000" in out
    code, out, _ = told(capsys, "train", "evaluate", tmp_path / "rude/card.json", data, "--json")
    assert (code, json.loads(out)["macro_f1"]) == (0, 1.0)
    code, out, _ = told(capsys, "train", "evaluate", tmp_path / "rude/card.json", data)
    assert "expected calibration error" in out
    code, _, err = told(capsys, "train", "classifier", data, *options)
    assert (code, "is there already" in err) == (2, True)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--chars", "4-1"], "--chars '4-1': expected two sizes"),
        (["--chars", "none", "--words", 0], "leaves nothing to weigh"),
        (["--dim", 3], "--dim does not go with --kind linear"),
        (["--kind", "fasttext", "--cost", 3], "--cost does not go with --kind fasttext"),
        (["--cost", 0], "--cost must be greater than 0"),
    ],
)
def test_options_that_do_not_go_together_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[Any], message: str
) -> None:
    data = write(tmp_path / "data.parquet", **documents(1))
    code, _, err = told(capsys, "train", "classifier", data, "--output", tmp_path / "new", *options)
    assert (code, message in err) == (2, True)
    assert not (tmp_path / "new").exists()
    shutil.rmtree(tmp_path)
