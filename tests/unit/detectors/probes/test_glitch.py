"""Under-trained tokens: indicators on matrices in which they are known, and repetition in closed form."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from tokenizing import make_tokenizer
from transformers import LlamaConfig, LlamaForCausalLM

from datagov.cli import main
from datagov.errors import ConfigError
from datagov.tokenizer import load_tokenizer
from detectors.fingerprint.seeds import Seeds, vocabulary_seeds
from detectors.probes.glitch import indicator, repeat_probability, strength, suspects_of, unused_rows
from detectors.targets.ngram import open_target, save_ngram
from detectors.targets.opening import OpenOptions

torch.set_num_threads(1)
UNTRAINED = (7, 30, 31, 88)


def test_untied_the_shortest_input_rows_are_the_suspects() -> None:
    generator = np.random.default_rng(0)
    rows = generator.normal(size=(200, 16)).astype(np.float32)
    rows[list(UNTRAINED)] *= 0.01
    values, name = indicator(rows, rows + 1, tied=False, unused=())
    assert name == "input norm"
    assert set(np.argsort(values)[:4]) == set(UNTRAINED)


def test_tied_rows_like_the_unused_ones_are_the_suspects() -> None:
    generator = np.random.default_rng(1)
    rows = generator.normal(size=(200, 16)) + 5.0
    drift = generator.normal(size=16)
    for row in (*UNTRAINED, 198, 199):
        rows[row] = 5.0 + drift + 0.05 * generator.normal(size=16)
    rows = rows.astype(np.float32)
    values, name = indicator(rows, rows, tied=True, unused=(198, 199))
    assert name == "distance from unused rows"
    assert set(np.argsort(values)[:6]) == {*UNTRAINED, 198, 199}
    with pytest.raises(ConfigError, match="nothing to compare with"):
        indicator(rows, rows, tied=True, unused=())


def test_rows_that_no_text_leads_to_are_known(tmp_path: Path) -> None:
    seeds = vocabulary_seeds(load_tokenizer(make_tokenizer(tmp_path, vocabulary=300)))
    rows = unused_rows(seeds, 310)
    names = dict(zip(seeds.token_N.tolist(), seeds.name, strict=True))
    assert [row for row in rows if row >= 300] == list(range(int(seeds.token_N.max()) + 1, 310))
    assert {names[row] for row in rows if row in names} == set("ÀÁõö÷øùúûüýþÿ")


def test_tokens_that_need_no_verification_are_no_suspects() -> None:
    kinds = ["text", "special", "unreachable", "byte", "fragment"] * 20
    seeds = Seeds(np.arange(100, dtype=np.int32), kinds, [str(at) for at in range(100)])
    found = suspects_of(np.arange(100, dtype=np.float64)[::-1], "x", seeds)
    assert found.token_N.tolist() == [99, 95]


def test_repetition_is_the_largest_of_the_patterns(tmp_path: Path) -> None:
    place = make_tokenizer(tmp_path, vocabulary=300)
    save_ngram(tmp_path / "model.json", "x, x, x, y y y", place)
    target = open_target(f"ngram:{tmp_path / 'model.json'}", OpenOptions())
    tokenizer = load_tokenizer(place)
    ids = np.array([int(tokenizer.encode([letter])[1][0]) for letter in "xyz"], np.int32)
    found = repeat_probability(target, tokenizer, ids)
    ends = [tokenizer.encode([part])[1][-1] for part in ('" and again "', "\nSay it: ", ", ")]
    expected = [max(target.probability_VV[end, token] for end in ends) for token in ids]
    assert found == pytest.approx(expected, rel=1e-5)


def test_bounds_are_those_of_the_paper() -> None:
    assert [strength(p) for p in (0.0, 0.00099, 0.001, 0.09, 0.1, 0.89, 0.9, 1.0)] == [
        "strong",
        "strong",
        "weak",
        "weak",
        "weak reject",
        "weak reject",
        "reject",
        "reject",
    ]


def test_the_command_names_the_rows_that_were_shrunk(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = make_tokenizer(tmp_path / "model", vocabulary=300).parent
    torch.manual_seed(0)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=304,
            hidden_size=32,
            intermediate_size=32,
            num_hidden_layers=1,
            num_attention_heads=2,
            max_position_embeddings=64,
            tie_word_embeddings=False,
            bos_token_id=0,
            eos_token_id=1,
        )
    )
    tokenizer = load_tokenizer(folder)
    shrunk = [int(tokenizer.encode([letter])[1][0]) for letter in "qz"]
    with torch.no_grad():
        model.model.embed_tokens.weight[shrunk] *= 1e-3
    model.save_pretrained(folder)
    out, strings = tmp_path / "out.parquet", tmp_path / "strings.parquet"
    asked = ["detect", "glitch", "--target", str(folder), "--device", "cpu", "--output", str(out)]
    assert main([*asked, "--strings", str(strings), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert {said["tokens"][0]["token"], said["tokens"][1]["token"]} == set(shrunk)
    assert (said["indicator"], said["tied"]) == ("input norm", False)
    assert pq.read_table(out).num_rows == said["verified"] == 6
    assert {"q", "z"} <= set(pq.read_table(strings).column("string").to_pylist())
    assert main(asked) == 0
    assert "controls_median_p" in capsys.readouterr().out
