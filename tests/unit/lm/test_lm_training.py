"""Training with the real lmplz: what the models say, and what is left where it cannot be done."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from governing import DemoPlan, Finished, write_shard
from language_models import TINY, require_kenlm, require_lmplz, write_lm

from datagov.errors import ConfigError, InputError
from datagov.lm.card import read_card
from datagov.lm.model import load_lm
from datagov.lm.programs import find_program
from datagov.model_files import model_file, sha256_of
from datagov.text.batch import TextBatch
from pipelines.corpus_scan import open_corpus
from pipelines.lm_training import LmSettings, reading_of, train_lm, write_card

Cli = Callable[..., Finished]


def plain(tokens: Any = "characters", **changes: Any) -> Any:
    return reading_of(tokens, **{"normal": "as_is", "sentences": "lines", "pieces": None, **changes})


def log10(card: Path, documents: list[str]) -> np.ndarray:
    """Mean surprise of a token in each document."""
    scores = load_lm(model_file(card)).scores(TextBatch(pa.array(documents, pa.large_string())))
    return -scores.log10 / scores.predicted


def shuffled(text: str, seed: int) -> str:
    characters = list(text)
    random.Random(seed).shuffle(characters)
    return "".join(characters)


def texts_of(folder: Path, most: int) -> list[str]:
    found: list[str] = []
    for path in sorted(folder.rglob("*.parquet")):
        column = pq.read_table(path, columns=["text"]).column(0).to_pylist()
        found += [text for text in column if text and len(text) > 100]
    return found[:most]


def surprises(tmp_path: Path, texts: list[str], tokens: str) -> tuple[np.ndarray, np.ndarray, Path]:
    """Train on every second text; return how surprising the others are, as they stand and shuffled, and the card."""
    write_shard(tmp_path / "half/a.parquet", {"text": texts[::2]})
    train_lm(open_corpus(str(tmp_path / "half")), tmp_path / "lm", plain(tokens), LmSettings(order=3))
    card = tmp_path / "lm/card.json"
    others = texts[1::2]
    mixed = [shuffled(text, seed) for seed, text in enumerate(others)]
    return log10(card, others), log10(card, mixed), card


def test_a_model_of_half_a_source_knows_the_other_half(tmp_path: Path, demo_corpus: DemoPlan) -> None:
    require_lmplz()
    own, mixed, card = surprises(tmp_path, texts_of(demo_corpus.corpus / "zh_news", 120), "words")
    assert np.mean(own < mixed) > 0.98
    foreign = log10(card, texts_of(demo_corpus.corpus / "en_web", 40))
    assert np.mean(own < np.min(foreign)) > 0.9


@pytest.mark.slow
@pytest.mark.corpus
@pytest.mark.parametrize("tokens", ["characters", "words"])
def test_a_model_of_half_a_real_source_knows_the_other_half(
    tmp_path: Path, corpus_root: Path, tokens: str
) -> None:
    require_lmplz()
    own, mixed, card = surprises(tmp_path, texts_of(corpus_root / "zh_web", 400), tokens)
    foreign = log10(card, texts_of(corpus_root / "en_web", 100))
    assert np.mean(own < mixed) > 0.98
    # One of 26 letters is easier to guess than one of thousands of characters: of another script, characters say nothing.
    if tokens == "words":
        assert np.median(own) < np.median(foreign)
        assert np.mean(own < np.min(foreign)) > 0.9


def test_arpa_and_binary_say_the_same_and_the_card_says_all(tmp_path: Path) -> None:
    require_lmplz()
    texts = ["我们在学校学习\n他们也在学校", "he learns at school", "", None]
    write_shard(tmp_path / "in/a.parquet", {"text": pa.array(texts)})
    corpus = open_corpus(str(tmp_path / "in"))
    cards = {
        arpa: train_lm(corpus, tmp_path / f"lm-{arpa}", plain(), LmSettings(order=3, arpa=arpa))
        for arpa in (True, False)
    }
    for arpa, card in cards.items():
        folder = tmp_path / f"lm-{arpa}"
        assert sorted(path.name for path in folder.iterdir()) == sorted(["card.json", card.model.file])
        assert read_card(folder / "card.json") == card
        assert card.model.sha256 == sha256_of(folder / card.model.file)
        counted = {name: card.training[name] for name in ("documents", "sentences", "tokens", "set_aside")}
        assert counted == {"documents": 3, "sentences": 3, "tokens": 29, "set_aside": 1}
    documents = ["我们在学校", "at school", "x"]
    assert log10(tmp_path / "lm-True/card.json", documents).tolist() == pytest.approx(
        log10(tmp_path / "lm-False/card.json", documents).tolist()
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "lm-False", "lm-True"]
    for arpa, card in cards.items():
        whole = (tmp_path / f"lm-{arpa}" / card.model.file).read_bytes()
        for part in (0.3, 0.9):
            cut = write_lm(tmp_path / "cut", whole[: int(len(whole) * part)], file=card.model.file)
            with pytest.raises(ConfigError, match="KenLM cannot read it"):
                load_lm(model_file(cut))


def test_the_command_trains_and_a_filter_uses_it(tmp_path: Path, cli: Cli) -> None:
    require_lmplz()
    write_shard(tmp_path / "in/a.parquet", {"text": ["我们在学校学习", "他们也在学校"]})
    done = cli("train", "lm", tmp_path / "in", "--output", tmp_path / "lm", "--order", 2, "--json")
    assert done.code == 0, done.err
    assert done.json["training"]["tokens"] > 4
    (tmp_path / "recipe.yaml").write_text(
        """
dataset: tests
input: {path: in}
output: out
steps:
  - filter: {models: {zh_lm: {family: perplexity, model: lm/card.json}}, bounds: {zh_lm_perplexity: {max: {quantile: 0.5}}}}
""",
        encoding="utf-8",
    )
    done = cli("run", tmp_path / "recipe.yaml", "--workers", 1)
    assert done.code == 0, done.err
    assert cli("audit", "limits", "--ledger", tmp_path / "out", "--json").json["rows"][0]["documents"] == 2


def test_without_lmplz_the_error_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr("datagov.lm.programs.sys.executable", str(tmp_path / "python"))
    write_shard(tmp_path / "in/a.parquet", {"text": ["x"]})
    with pytest.raises(ConfigError) as caught:
        train_lm(open_corpus(str(tmp_path / "in")), tmp_path / "lm", plain(), LmSettings())
    assert "`make lmplz` builds it" in caught.value.message
    assert "infra/lmplz/build.sh" in caught.value.message
    with pytest.raises(ConfigError, match="is not in /no/such"):
        find_program("lmplz", Path("/no/such/lmplz"))


def failing(folder: Path, body: str) -> Path:
    """Make a program that does this in place of lmplz, beside a build_binary."""
    folder.mkdir()
    for name in ("lmplz", "build_binary"):
        (folder / name).write_text(f"#!/bin/sh\n{body}\n")
        (folder / name).chmod(0o755)
    return folder / "lmplz"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("echo one >&2; echo no room in the temporary folder >&2; exit 3", "no room in the temporary folder"),
        ("cat > /dev/null; echo too late >&2; exit 1", "lmplz failed: exit code 1: too late"),
        ("cat > /dev/null", "build_binary failed|No such file|cannot be read"),
    ],
)
def test_a_failure_leaves_nothing_behind(tmp_path: Path, body: str, message: str) -> None:
    lmplz = failing(tmp_path / "bin", body)
    write_shard(tmp_path / "in/a.parquet", {"text": ["word " * 1000] * 50})
    with pytest.raises((InputError, ConfigError, FileNotFoundError), match=message):
        train_lm(open_corpus(str(tmp_path / "in")), tmp_path / "lm", plain(), LmSettings(), lmplz=lmplz)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bin", "in"]


def test_what_cannot_be_trained_is_refused(tmp_path: Path) -> None:
    lmplz = failing(tmp_path / "bin", "cat > /dev/null")
    write_shard(tmp_path / "in/a.parquet", {"text": ["", " \n"]})
    corpus = open_corpus(str(tmp_path / "in"))
    with pytest.raises(InputError, match="no token to train a language model on"):
        train_lm(corpus, tmp_path / "lm", plain(), LmSettings(), lmplz=lmplz)
    (tmp_path / "lm").mkdir()
    with pytest.raises(ConfigError, match="is there already"):
        train_lm(corpus, tmp_path / "lm", plain(), LmSettings(), lmplz=lmplz)
    with pytest.raises(ConfigError, match="order is 7"):
        LmSettings(order=7)
    with pytest.raises(ConfigError, match="prune"):
        LmSettings(prune=(1, 0))
    with pytest.raises(ConfigError, match="goes with --tokens pieces"):
        plain("pieces")


def test_a_model_of_others_gets_its_card(tmp_path: Path, cli: Cli) -> None:
    require_kenlm()
    (tmp_path / "zh.arpa").write_text(TINY, encoding="utf-8")
    path = write_card(tmp_path / "zh.arpa", plain(), pieces=None, buckets=None, name="zh")
    assert log10(path, ["ab"]) == log10(write_lm(tmp_path / "same"), ["ab"])
    with pytest.raises(ConfigError, match="is there already"):
        write_card(tmp_path / "zh.arpa", plain(), pieces=None, buckets=None, name="zh")
    path.unlink()
    refused = cli("train", "lm-card", tmp_path / "zh.arpa", "--tokens", "characters", "--cc-net", "zh")
    assert refused.code == 2
    assert "--tokens pieces --normal cc_net --sentences document" in refused.err
    assert json.loads(
        cli("train", "lm-card", tmp_path / "zh.arpa", "--tokens", "characters", "--json").out
    ) == {"card": str(path)}
