"""Linear classifiers: features and margins against plain Python, and files that are not what they should be."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from classifying import FEATURES, FREQUENCY, counted, key_of, margin, ngrams, write_classifier
from hypothesis import given, settings
from hypothesis import strategies as st

from datagov.classifiers.card import MILLION, Calibration, NGrams, read_card
from datagov.classifiers.features import feature_keys
from datagov.classifiers.linear import FREQUENCIES, Linear, write_weights
from datagov.classifiers.model import calibrated, load
from datagov.classifiers.saving import save
from datagov.classifiers.tables import tables_of
from datagov.errors import ConfigError
from datagov.model_files import ModelFile, model_file
from datagov.signals import resolve_params
from datagov.signals.classifier import CLASSIFIER
from datagov.signals.named import recorded, under_name, with_files
from datagov.testing import CHECKS, Check
from datagov.text.batch import TextBatch

TEXTS = st.text(st.sampled_from("aAbÄ 的\t\u3000\n。İ😀"), max_size=30)
SHAPES = st.sampled_from(
    [NGrams(chars=(1, 3), words=0), NGrams(chars=(2, 2), words=2), NGrams(chars=None, words=3)]
)


def batch_of(texts: list[str]) -> TextBatch:
    return TextBatch(pa.array(texts, pa.large_string()))


def words_of(batch: TextBatch) -> list[list[str]]:
    """The words of each document as they are written."""
    text = "".join(batch.texts.to_pylist())
    words = batch.words
    spans = [text[start:end] for start, end in zip(words.start, words.end, strict=True)]
    return [spans[a:b] for a, b in zip(words.offsets, words.offsets[1:], strict=False)]


@settings(max_examples=40)
@given(texts=st.lists(TEXTS, min_size=1, max_size=5), features=SHAPES)
def test_features_and_margins_are_those_of_plain_python(texts: list[str], features: NGrams) -> None:
    batch = batch_of(texts)
    drawn = np.random.default_rng(1)
    keys, offsets = feature_keys(batch, features)
    # Features are n-grams without an `a`: of one, all beginnings are features too, as training has it.
    known = np.array(
        sorted(
            {
                key
                for text, words in zip(texts, words_of(batch), strict=True)
                for key, ngram in ngrams(text, features, words)
                if "a" not in ngram
            }
        ),
        np.uint64,
    )
    linear = Linear(
        known,
        drawn.normal(size=(len(known), 1)).astype(np.float32),
        drawn.uniform(0, 5, len(known)).astype(np.float32),
        np.array([0.25]),
        FREQUENCY,
    )
    margins = linear.margins(batch, features)
    for d, (text, words) in enumerate(zip(texts, words_of(batch), strict=True)):
        expected = counted(text, features, words)
        assert Counter(keys[offsets[d] : offsets[d + 1]].tolist()) == expected
        wanted = margin(expected, linear)
        if wanted is None:
            assert np.isnan(margins[d, 0])
        else:
            assert margins[d, 0] == pytest.approx(wanted, abs=1e-9)


def one(ngram: str, weight: float, bias: float = 0.0) -> Linear:
    key = np.array([key_of(ngram)], np.uint64)
    return Linear(key, np.array([[weight]], np.float32), np.ones(1, np.float32), np.array([bias]), FREQUENCY)


def test_a_text_without_any_feature_has_the_bias() -> None:
    assert one("z", 1.0, 0.5).margins(batch_of(["abc", " "]), FEATURES)[0, 0] == 0.5


def test_counts_beyond_the_table_weigh_as_its_last() -> None:
    text = "b" + "a" * (FREQUENCIES + 50)
    keys = np.array([key_of("a"), key_of("b")], np.uint64)
    weights = np.array([[0.7], [-0.2]], np.float32)
    linear = Linear(keys, weights, np.ones(2, np.float32), np.zeros(1), FREQUENCY)
    found = linear.margins(batch_of([text]), FEATURES)[0, 0]
    assert found == pytest.approx(margin(counted(text, FEATURES), linear), abs=1e-9)


def test_calibration_is_level_outside_its_knots_and_straight_between() -> None:
    by = Calibration(raw=[0.0, 2.0], millionths=[100, 300])
    found = calibrated(np.array([-1.0, 0.0, 0.5, 2.0, 9.0, np.nan]), by)
    assert found[:5].tolist() == [100, 100, 150, 300, 300]
    assert np.isnan(found[5])


@pytest.fixture
def card(tmp_path: Path) -> Path:
    return write_classifier(tmp_path / "rude", {"y": 1.0, "x": 0.0})


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_the_family_passes_the_checks_of_all(check: Check, tmp_path: Path) -> None:
    path = write_classifier(tmp_path / "han", {"的": 0.9, "a": -0.9, "😀": 0.4})
    check(CLASSIFIER, {"model": model_file(path)})


def test_scores_of_two_labels_sum_to_a_million(card: Path) -> None:
    model = load(model_file(card))
    batch = batch_of(["y", "yx", "x", " "])
    yes, no = model.scores(batch, "yes"), model.scores(batch, "no")
    assert (yes + no)[:3].tolist() == [MILLION] * 3
    assert np.isnan(yes[3])
    assert yes[0] > yes[1] > yes[2] == MILLION / 2


def test_of_more_than_two_labels_each_has_its_own_score(tmp_path: Path) -> None:
    key = np.array([key_of("x")], np.uint64)
    biases = np.array([0.1, 0.2, 0.3])
    linear = Linear(key, np.zeros((1, 3), np.float32), np.ones(1, np.float32), biases, FREQUENCY)
    line = Calibration(raw=[0.0, 1.0], millionths=[0, MILLION])
    fields = {
        "datagov_classifier": 1,
        "name": "three",
        "labels": ["a", "b", "c"],
        "positive": "b",
        "reading": FEATURES,
        "tables": tables_of(FEATURES),
        "calibration": dict.fromkeys("abc", line),
        "training": {},
        "evaluation": {},
    }
    save(tmp_path / "three", "weights.npz", lambda path: write_weights(path, linear), fields)
    model = load(model_file(tmp_path / "three/card.json"))
    assert [model.scores(batch_of(["x"]), label)[0] for label in "abc"] == [100_000, 200_000, 300_000]


def test_recorded_parameters_name_the_file_by_its_digest(card: Path) -> None:
    file = model_file(card)
    family = under_name(CLASSIFIER, "toxicity")
    params = resolve_params(family, {"model": file})
    assert recorded(params) == {"label": "yes", "library": "", "model": {"sha256": file.sha256}}
    assert with_files(family, recorded(params), {file.sha256: file.path}) == params
    assert (family.id, family.of, family.rules[0].name) == ("toxicity@1", "classifier@1", "toxicity_score")


def test_the_same_weights_are_the_same_bytes(tmp_path: Path, card: Path) -> None:
    again = write_classifier(tmp_path / "again" / "rude", {"y": 1.0, "x": 0.0})
    assert again.read_bytes() == card.read_bytes()
    assert again.with_name("weights.npz").read_bytes() == card.with_name("weights.npz").read_bytes()


def test_a_model_is_not_written_over_and_nothing_is_left_half_written(tmp_path: Path, card: Path) -> None:
    with pytest.raises(ConfigError, match="is there already"):
        write_classifier(tmp_path / "rude", {"y": 1.0, "x": 0.0})

    def fail(path: Path) -> None:
        path.write_bytes(b"half")
        raise OSError("no room")

    with pytest.raises(OSError, match="no room"):
        save(tmp_path / "new", "weights.npz", fail, {})
    assert [path.name for path in tmp_path.iterdir()] == ["rude"]


THREE = {label: {"raw": [0.0], "millionths": [1]} for label in ("a", "no", "yes")}


def changed(card: Path, **fields: object) -> ModelFile:
    card.write_text(json.dumps(json.loads(card.read_text()) | fields))
    return model_file(card)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"datagov_classifier": 2}, "not a card of format 1 (datagov_classifier"),
        ({"surprise": 1}, "surprise"),
        ({"labels": ["yes"]}, "labels"),
        ({"labels": ["yes", "yes"]}, "two labels are the same"),
        ({"positive": "maybe"}, "which is no label"),
        ({"calibration": {"no": {"raw": [0.0], "millionths": [1]}}}, "calibration must be of yes"),
        ({"calibration": {"yes": {"raw": [1.0, 0.0], "millionths": [0, 1]}}}, "knots must ascend"),
        ({"calibration": {"yes": {"raw": [0.0, 1.0], "millionths": [0]}}}, "differ in length"),
        ({"weights": {"file": "../weights.npz", "sha256": "0" * 64}}, "weights.file"),
        ({"reading": {"kind": "forest"}}, "reading: Input tag 'forest'"),
        ({"reading": {"kind": "linear", "chars": None, "words": 0}}, "neither character n-grams nor words"),
        ({"reading": {"kind": "linear", "chars": [3, 1], "words": 0}}, "the smaller first"),
        ({"labels": ["a", "no", "yes"], "calibration": THREE}, "the card is of another model"),
        ({"tables": {"unicode": "1.0.0"}}, "was trained with unicode 1.0.0"),
        ({"tables": {}}, "does not say which unicode it was trained with"),
        ({"reading": {"kind": "linear", "chars": [1, 3], "words": 1}}, "does not say which rjieba"),
    ],
)
def test_a_card_that_cannot_be_used_says_why(card: Path, fields: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError) as raised:
        load(changed(card, **fields))
    assert message in raised.value.message


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 nothing", b"\x93NUMPY", b"{}"])
def test_weights_that_cannot_be_read_say_so(card: Path, content: bytes) -> None:
    from datagov.model_files import sha256_of

    card.with_name("weights.npz").write_bytes(content)
    with pytest.raises(ConfigError, match="changed or only partly copied"):
        load(model_file(card))
    sha256 = sha256_of(card.with_name("weights.npz"))
    with pytest.raises(ConfigError, match="damaged, or not of a linear classifier"):
        load(changed(card, weights={"file": "weights.npz", "sha256": sha256}))


def test_a_truncated_card_a_missing_one_and_a_folder_are_refused(card: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="name the file"):
        read_card(tmp_path)
    with pytest.raises(ConfigError, match="cannot be read"):
        read_card(tmp_path / "gone.json")
    card.write_bytes(card.read_bytes()[:-20])
    with pytest.raises(ConfigError, match="not a card of format 1"):
        load(model_file(card))
    shutil.rmtree(card.parent)
    with pytest.raises(ConfigError, match="cannot be read"):
        model_file(card)
