"""fastText through its adapter: tokens, probabilities, training, cards for models made elsewhere, broken files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_training import documents, told, write

from datagov.classifiers.card import MILLION, Tokens
from datagov.classifiers.fasttext_model import (
    FastText,
    library,
    load_fasttext,
    train_fasttext,
    without_labels,
)
from datagov.classifiers.fasttext_training import FastTextSettings
from datagov.classifiers.labelled import read_labelled
from datagov.classifiers.model import load
from datagov.classifiers.tokens import token_lines
from datagov.classifiers.training import Plan, train
from datagov.errors import ConfigError
from datagov.model_files import ModelFile, model_file, sha256_of
from datagov.signals.classifier import CLASSIFIER
from datagov.testing import CHECKS, Check
from datagov.text.batch import TextBatch

OUTPUTS = ["__label__0", "__label__1"]
LINES = ["a b c", "d e f", "a c", "f d"] * 30
LABEL = np.array([0, 1, 0, 1] * 30)
SMALL = {"dim": 10, "epoch": 10, "lr": 0.5}


@pytest.fixture(scope="module")
def model() -> FastText:
    return train_fasttext(LINES, LABEL, SMALL)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory, model: FastText) -> Path:
    path = tmp_path_factory.mktemp("model") / "model.bin"
    model.save(path)
    return path


def batch_of(*texts: str) -> TextBatch:
    return TextBatch(pa.array(texts, pa.large_string()))


def reading(cut: str, *, lower: bool = True) -> Tokens:
    return Tokens(cut=cut, lower=lower, outputs=OUTPUTS)


@pytest.mark.parametrize(
    ("cut", "lower", "text", "line"),
    [
        ("words", True, "我们在北京。A Dog\n", "我们 在 北京 。 a dog"),
        ("words", False, "I can't, A.\x00B", "I can't , A.\ufffd B"),
        ("characters", True, " 我们 A\n", "我 们 a"),
        ("as_is", False, "A  b\n我们", "A  b 我们"),
        ("as_is", True, "A\r\nB", "a\r b"),
        ("words", True, "", ""),
    ],
)
def test_texts_are_cut_as_the_card_says(cut: str, lower: bool, text: str, line: str) -> None:
    if "\x00" in text:
        line = token_lines(batch_of("I can't, A."), reading(cut, lower=lower))[0] + " \ufffd B"
    assert token_lines(batch_of("x", text), reading(cut, lower=lower))[1] == line


@settings(max_examples=30)
@given(texts=st.lists(st.text(max_size=20), min_size=1, max_size=4))
def test_no_line_has_a_newline_and_each_token_is_one_to_fasttext(texts: list[str]) -> None:
    batch = batch_of(*texts)
    for cut in ("words", "characters"):
        for at, line in enumerate(token_lines(batch, reading(cut, lower=False))):
            tokens = line.split(" ") if line else []
            assert not set(line) & set("\n\r\t\v\f\0")
            assert "" not in tokens
            if cut == "words":
                assert len(tokens) == np.diff(batch.words.offsets)[at]
    assert not any("\n" in line for line in token_lines(batch, reading("as_is")))


def test_probabilities_are_those_of_the_library_in_the_order_asked(model: FastText) -> None:
    lines = ["a b", "d", "nothing known", ""]
    found = model.probabilities(lines, OUTPUTS)
    for line, (first, second) in zip(lines, found, strict=True):
        names, values = model._model.predict([line], k=2)
        expected = dict(zip(names[0], values[0], strict=True))
        assert first == pytest.approx(min(expected["__label__0"], 1))
        assert second == pytest.approx(min(expected["__label__1"], 1))
        assert first + second == pytest.approx(1, abs=1e-4)
    np.testing.assert_array_equal(model.probabilities(lines, OUTPUTS[::-1]), found[:, ::-1])
    np.testing.assert_array_equal(model.probabilities(lines, OUTPUTS[1:]), found[:, 1:])
    assert model.probabilities([], OUTPUTS).shape == (0, 2)
    assert found.min() >= 0
    assert found.max() <= 1


def test_training_is_the_same_each_time_and_finite(model: FastText) -> None:
    again = train_fasttext(LINES, LABEL, SMALL)
    lines = ["a b", "d e", "x"]
    np.testing.assert_array_equal(model.probabilities(lines, OUTPUTS), again.probabilities(lines, OUTPUTS))
    assert np.isfinite(again._model.get_input_matrix()).all()


def test_words_that_look_like_labels_are_left_out_of_training() -> None:
    assert without_labels("a __label__1 b") == "a b"
    assert without_labels("a label") == "a label"


def test_settings_that_fail_are_an_error_and_not_a_crash() -> None:
    with pytest.raises(ConfigError, match="fastText could not train"):
        train_fasttext(LINES, LABEL, {"dim": 10, "dims": 10})


def test_a_trained_folder_scores_as_its_model_does(tmp_path: Path) -> None:
    data = read_labelled([write(tmp_path / "data.parquet", **documents(4))])
    plan = Plan(reading("words"), FastTextSettings(dim=10, epoch=20, lr=0.5, bucket=100), folds=2)
    card = train(tmp_path / "rude", data, plan, data)
    found = load(model_file(tmp_path / "rude/card.json"))
    assert (found.card, found.library) == (card, library())
    assert card.training["made_with"][library().split(" ")[0]] == library().split(" ")[1]
    assert card.evaluation["held_out"]["macro_f1"] > 0.9
    batch = batch_of("笨蛋", "谢谢", "\u3000")
    yes, no = found.scores(batch, "1"), found.scores(batch, "0")
    assert yes[0] > MILLION / 2 > yes[1]
    assert (yes + no)[:2].tolist() == [MILLION] * 2
    assert np.isnan(yes[2])


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_the_family_passes_the_checks_of_all(check: Check, file: Path) -> None:
    check(CLASSIFIER, {"model": adopted(file)})


def adopted(file: Path) -> ModelFile:
    from datagov.classifiers.adopting import adopt

    if not file.with_name("card.json").exists():
        adopt(file, positive="1", cut="as_is", lower=False)
    return model_file(file.with_name("card.json"))


def test_a_model_made_elsewhere_gets_a_card(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    here = tmp_path / "model.bin"
    here.write_bytes(file.read_bytes())
    code, out, err = told(capsys, "train", "card", here, "--positive", "__label__1", "--json")
    assert (code, err) == (0, "")
    assert json.loads(out)["labels"] == sorted(json.loads(out)["labels"]) == ["0", "1"]
    scores = load(model_file(tmp_path / "card.json")).scores(batch_of("a b", "d e"), "1")
    expected = load_fasttext(here).probabilities(["a b", "d e"], OUTPUTS[1:])[:, 0] * MILLION
    assert scores.tolist() == np.rint(expected).tolist()
    code, _, err = told(capsys, "train", "card", here, "--positive", "1")
    assert (code, "card.json: is there already" in err) == (2, True)
    (tmp_path / "card.json").unlink()
    code, _, err = told(capsys, "train", "card", here, "--positive", "2")
    assert (code, "has no label '2'. Known: 0, 1" in err) == (2, True)
    assert [path.name for path in tmp_path.iterdir()] == ["model.bin"]


@pytest.mark.parametrize("size", [0, 3, 30, 100, 300, -1, -400])
def test_a_file_that_is_cut_off_is_refused(file: Path, tmp_path: Path, size: int) -> None:
    path = tmp_path / "model.bin"
    path.write_bytes(file.read_bytes()[:size])
    with pytest.raises(ConfigError, match="cut off"):
        load_fasttext(path)


def test_what_follows_a_model_is_refused_and_a_quantised_one_is_not(
    file: Path, tmp_path: Path, model: FastText
) -> None:
    path = tmp_path / "model.bin"
    path.write_bytes(file.read_bytes() + b"x")
    with pytest.raises(ConfigError, match="cut off or damaged"):
        load_fasttext(path)
    small = train_fasttext(LINES, LABEL, {**SMALL, "wordNgrams": 2, "bucket": 300})._model
    small.quantize(qnorm=True)
    small.save_model(str(tmp_path / "small.ftz"))
    assert load_fasttext(tmp_path / "small.ftz").outputs == model.outputs
    path.write_bytes((tmp_path / "small.ftz").read_bytes()[:-9])
    with pytest.raises(ConfigError, match="cut off"):
        load_fasttext(path)


def test_a_model_of_words_is_refused(tmp_path: Path) -> None:
    import fasttext

    text = tmp_path / "text.txt"
    text.write_text("a b c d e f g\n" * 200)
    words = fasttext.train_unsupervised(str(text), dim=10, minCount=1, bucket=100, epoch=1, verbose=0, lr=0.0)
    words.save_model(str(tmp_path / "words.bin"))
    with pytest.raises(ConfigError, match="a model of words, not of labels"):
        load_fasttext(tmp_path / "words.bin")


def test_outputs_that_the_model_lacks_are_named(file: Path, tmp_path: Path) -> None:
    card = json.loads(Path(adopted(file).path).read_text())
    card["reading"]["outputs"] = ["__label__0", "__label__2"]
    (tmp_path / "model.bin").write_bytes(file.read_bytes())
    (tmp_path / "card.json").write_text(json.dumps(card))
    assert card["weights"]["sha256"] == sha256_of(tmp_path / "model.bin")
    with pytest.raises(ConfigError, match=r"model\.bin has no label '__label__2'"):
        load(model_file(tmp_path / "card.json"))
