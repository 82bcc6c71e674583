"""Perplexity as a signal, against KenLM asked directly; models that cannot be read."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from governing import Governed, contents, write_shard
from language_models import TINY, require_kenlm, write_lm

from datagov import policy, signals
from datagov.errors import ConfigError
from datagov.extras import named
from datagov.labels import label_of
from datagov.ledger.explain import explain
from datagov.lm.model import load_lm
from datagov.model_files import model_file
from datagov.signals.named import under_name
from datagov.text.batch import TextBatch
from pipelines.recipe import load_recipe

TEXTS = ["ab", "a b\nb 的 a x\n\n", "的", "", " \n\x00", "abab" * 300]


@pytest.fixture(autouse=True)
def _library() -> None:
    require_kenlm()


def batch(documents: list[str]) -> TextBatch:
    return TextBatch(pa.array(documents, pa.large_string()))


def measured(card: Path, documents: list[str]) -> dict[str, list[Any]]:
    family = under_name(signals.model_family("perplexity"), "lm")
    params = signals.resolve_params(family, {"model": model_file(card)})
    counts = family.measure(batch(documents), params)
    return {name: found.to_pylist() for name, found in policy.values(counts, family.rules).items()}


def directly(model: Path, documents: list[str]) -> list[float | None]:
    """KenLM's own perplexity of each document, characters for tokens and lines for sentences."""
    import kenlm

    opened = kenlm.Model(str(model))
    found: list[float | None] = []
    for text in documents:
        lines = [" ".join(char for char in line if char > " ") for line in text.split("\n")]
        lines = [line for line in lines if line]
        total = sum(opened.score(line) for line in lines)
        count = sum(len(line.split()) + 1 for line in lines)
        found.append(10 ** (-total / count) if count else None)
    return found


def test_scores_are_those_of_kenlm(tmp_path: Path) -> None:
    found = measured(write_lm(tmp_path), TEXTS)
    expected = directly(tmp_path / "model.arpa", TEXTS)
    assert found["lm_perplexity"] == [each and pytest.approx(each, abs=6e-4) for each in expected]
    logs = found["lm_log10_perplexity"]
    assert [each if each is None else 10**each for each in logs] == [
        each and pytest.approx(each, rel=1e-5) for each in expected
    ]
    assert found["lm_bucket"] == [None] * len(TEXTS)


def test_one_sentence_is_scored_as_kenlm_scores_it(tmp_path: Path) -> None:
    model = load_lm(model_file(write_lm(tmp_path, reading={"sentences": "document"})))
    documents = ["ab的", "x", "a\nb"]
    sentences = ["a b 的", "x", "a b"]
    assert model.scores(batch(documents)).log10.tolist() == [model.kenlm.score(each) for each in sentences]
    assert [10 ** (-model.kenlm.score(each) / (len(each.split()) + 1)) for each in sentences] == [
        pytest.approx(model.kenlm.perplexity(each)) for each in sentences
    ]


def test_buckets_are_the_cards(tmp_path: Path) -> None:
    low, high, *_ = sorted(
        each for each in directly(write_lm(tmp_path).with_name("model.arpa"), TEXTS) if each
    )
    limits = {"head": low + 0.06, "middle": high + 0.06, "source": "the tests"}
    found = measured(write_lm(tmp_path, buckets=limits), TEXTS)
    for perplexity, code in zip(found["lm_perplexity"], found["lm_bucket"], strict=True):
        if perplexity is None:
            assert code is None
            continue
        rounded = round(perplexity, 1)
        expected = "head" if rounded < limits["head"] else "middle" if rounded < limits["middle"] else "tail"
        assert label_of(code) == expected


def cut_binary(tmp_path: Path) -> tuple[bytes, str]:
    return b"mmap lm http://kheafield.com/code format version 5\n\x00" + b"\x00" * 40, "KenLM cannot read it"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is neither an ARPA file nor a binary of KenLM; it begins with b''"),
        (b"\xbaGGUF and so on", "is neither an ARPA file nor a binary of KenLM"),
        (TINY.encode()[:120], "KenLM cannot read it"),
        (TINY.replace("ngram 2=5", "ngram 2=9").encode(), "KenLM cannot read it"),
        (b"mmap lm http://kheafield.com/code format version 5\n\x00" + bytes(40), "KenLM cannot read it"),
    ],
)
def test_a_model_that_cannot_be_read_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        measured(write_lm(tmp_path, content), ["a"])
    assert message in caught.value.message
    assert str(tmp_path / "model.arpa") in caught.value.message


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda card: card.with_name("model.arpa").write_text(TINY + "\n"),
            "the file was changed or only partly",
        ),
        (lambda card: card.with_name("model.arpa").unlink(), "cannot be read: No such file"),
        (lambda card: card.write_text("{"), "the card: Invalid JSON"),
        (lambda card: card.write_bytes(b"\xff\xfe"), "is no card, which is JSON"),
        (
            lambda card: card.write_text("{}"),
            "not a card of format 1 (datagov_lm: Field required). `datagov train lm`",
        ),
        (
            lambda card: card.write_text(json.dumps({**json.loads(card.read_text()), "x": 1})),
            "x: Extra inputs",
        ),
    ],
)
def test_a_folder_that_is_not_whole_is_refused(
    tmp_path: Path, change: Callable[[Path], Any], message: str
) -> None:
    card = write_lm(tmp_path)
    change(card)
    with pytest.raises(ConfigError) as caught:
        measured(card, ["a"])
    assert message in caught.value.message


@pytest.mark.parametrize(
    ("card", "message"),
    [
        ({"reading": {"tokens": "pieces"}}, "belongs to tokens: pieces"),
        ({"reading": {"versions": {"unicode": "1.0"}}}, "made with unicode 1.0"),
        ({"buckets": {"head": 2.0, "middle": 1.0, "source": "x"}}, "head must lie below middle"),
        ({"model": {"file": "../x", "sha256": "0" * 64}}, "model.file"),
    ],
)
def test_a_card_that_cannot_be_meant_is_refused(tmp_path: Path, card: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        measured(write_lm(tmp_path, **card), ["a"])
    assert message in caught.value.message


def test_a_damaged_sentencepiece_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "p.model").write_bytes(b"nothing")
    from datagov.model_files import sha256_of

    pieces = {"file": "p.model", "sha256": sha256_of(tmp_path / "p.model")}
    with pytest.raises(ConfigError, match=r"SentencePiece model .*p\.model: cannot be read"):
        measured(write_lm(tmp_path, reading={"tokens": "pieces", "pieces": pieces}), ["a"])


def test_a_run_decides_by_perplexity_and_bucket(
    tmp_path: Path, recipe: Callable[..., Path], govern: Callable[..., Governed]
) -> None:
    limits = {"head": 6.0, "middle": 15.0, "source": "the tests"}
    write_lm(tmp_path / "zh", buckets=limits)
    texts = {f"d{at}": text for at, text in enumerate(["ab", "ba", "的的的", "xxxx", "", "ab\nab", "aaab"])}
    columns = {"id": list(texts), "text": list(texts.values())}
    write_shard(tmp_path / "corpus/a.parquet", columns, row_group_rows=2)
    step = {
        "filter": {
            "models": {"zh_lm": {"family": "perplexity", "model": "zh/card.json"}},
            "bounds": {"zh_lm_perplexity": {"max": {"quantile": 0.8}}},
            "where": "zh_lm_bucket IN ('head', 'middle')",
        }
    }
    done = govern(recipe(tmp_path, steps=[step]), part_rows=2)
    found = measured(tmp_path / "zh/card.json", list(texts.values()))
    values = [each for each in found["lm_perplexity"] if each is not None]
    limit = sorted(values)[-(-8 * len(values) // 10) - 1]
    kept = {
        key
        for key, perplexity in zip(texts, found["lm_perplexity"], strict=True)
        if perplexity is not None and perplexity <= limit and round(perplexity, 1) < 15.0
    }
    assert done.kept() == kept
    assert {"ab", "ab\nab"} <= {texts[key] for key in kept}
    (family,) = done.manifest["recipe"]["steps"][0]["families"]
    assert family["params"]["library"] == named("kenlm")
    shown = {each["signal"]: each.get("label") for each in explain(done.ledger, "d3")["steps"][0]["signals"]}
    assert shown["zh_lm_bucket"] == "tail"
    rows = done.rows(
        "SELECT id, zh_lm_bucket FROM signals_filter JOIN documents USING (part, row) ORDER BY id"
    )
    tails = {
        key
        for key, perplexity in zip(texts, found["lm_perplexity"], strict=True)
        if perplexity is not None and round(perplexity, 1) >= 15.0
    }
    assert {row["id"] for row in rows if row["zh_lm_bucket"] == "tail"} == tails >= {"d3"}
    again = govern(recipe(tmp_path, steps=[step], output=str(tmp_path / "out2")), part_rows=2, workers=2)
    assert contents(again.out, "ledger", "data") == contents(done.out, "ledger", "data")


def test_a_bucket_that_is_none_is_refused(tmp_path: Path, recipe: Callable[..., Path]) -> None:
    write_lm(tmp_path / "zh")
    step = {
        "filter": {
            "models": {"zh_lm": {"family": "perplexity", "model": "zh/card.json"}},
            "where": "zh_lm_bucket = 'heads'",
        }
    }
    with pytest.raises(ConfigError, match=r"zh_lm_bucket is never 'heads'\. Did you mean 'head'"):
        load_recipe(recipe(tmp_path, steps=[step]))
