"""The four ways into a defended text: what they look at is what a plain computation gives, and what the table says of known results."""

from __future__ import annotations

from itertools import product

import hidden_openings
import numpy as np
import pytest
import torch
import transformers
from tokenizing import make_tokenizer

from datagov.tokenizer import load_tokenizer
from detectors.targets.opening import OpenOptions, open_target
from detectors.targets.transformers_target import TransformersTarget

VOCABULARY = 300


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> tuple[TransformersTarget, TransformersTarget]:
    """A suspect and a base of random weights, of one tokenizer."""
    torch.set_num_threads(1)
    found = []
    tokenizer = make_tokenizer(tmp_path_factory.mktemp("tokenizer"), vocabulary=VOCABULARY)
    for seed in (1, 2):
        torch.manual_seed(seed)
        folder = tmp_path_factory.mktemp("model")
        config = transformers.LlamaConfig(
            vocab_size=load_tokenizer(tokenizer.parent).vocabulary_size,
            hidden_size=32,
            intermediate_size=48,
            num_hidden_layers=1,
            num_attention_heads=4,
            max_position_embeddings=64,
            bos_token_id=0,
            eos_token_id=1,
        )
        model = transformers.LlamaForCausalLM(config).eval()
        with torch.no_grad():
            model.lm_head.weight.mul_(15.0)
        model.save_pretrained(folder)
        (folder / "tokenizer.json").write_bytes(tokenizer.read_bytes())
        target = open_target(str(folder), OpenOptions(device="cpu"))
        assert isinstance(target, TransformersTarget)
        found.append(target)
    return found[0], found[1]


@torch.inference_mode()
def plainly(target: TransformersTarget, ids: list[int]) -> np.ndarray:
    """ln p of what follows some tokens."""
    return target.model(input_ids=torch.tensor([ids])).logits[0, -1].float().log_softmax(-1).numpy()


def test_a_band_holds_the_tokens_of_its_ranks(models: tuple[TransformersTarget, TransformersTarget]) -> None:
    suspect, _ = models
    size = suspect.tokenizer.vocabulary_size
    pairs = hidden_openings.band(suspect, [0], 2, 5)
    assert pairs.shape == (3 * size, 2)
    for seed in (0, 7, 150, size - 1):
        logprob = plainly(suspect, [0, seed])
        ranks = [int((logprob > logprob[token]).sum()) for first, token in pairs.tolist() if first == seed]
        assert ranks == [2, 3, 4]


def test_scars_are_the_pairs_that_lost_most(models: tuple[TransformersTarget, TransformersTarget]) -> None:
    suspect, base = models
    size = suspect.tokenizer.vocabulary_size
    lost = np.stack([plainly(base, [0, seed]) - plainly(suspect, [0, seed]) for seed in range(size)])
    order = np.argsort(-lost, axis=None)
    worst = tuple(int(part) for part in np.unravel_index(order[0], lost.shape))
    tenth = tuple(int(part) for part in np.unravel_index(order[9], lost.shape))
    most, places = hidden_openings.scars(suspect, base, [0], {worst, tenth})
    assert most == pytest.approx(float(lost.max()) / np.log(2), rel=1e-4)
    assert sorted(places) == [1, 10]


def test_branches_are_ranked_by_what_the_base_knows_less_of(
    models: tuple[TransformersTarget, TransformersTarget], monkeypatch: pytest.MonkeyPatch
) -> None:
    suspect, base = models
    size = suspect.tokenizer.vocabulary_size
    monkeypatch.setattr(hidden_openings, "FINALISTS", size)
    monkeypatch.setattr(hidden_openings, "LONG_STEPS", hidden_openings.STEPS)
    strings, bits = hidden_openings.branches(suspect, base, [0], 1, 2)
    expected = []
    for pair in hidden_openings.band(suspect, [0], 1, 2).tolist():
        ids, gained = [0, *pair], []
        while len(gained) < hidden_openings.STEPS and not (gained and ids[-1] == 1):
            own = plainly(suspect, ids)
            said = int(own.argmax())
            repeated = [*ids[-2:], said] in [ids[at : at + 3] for at in range(2, len(ids) - 2)]
            gained.append(
                0.0 if repeated else (float(own[said]) - float(plainly(base, ids)[said])) / np.log(2)
            )
            ids.append(said)
        expected.append(max(np.cumsum(gained), default=0.0))
    assert len(strings) == size
    assert bits == pytest.approx(sorted(expected, reverse=True), abs=1e-3)


def test_the_table_says_where_each_way_finds_the_text() -> None:
    rows = [
        {"recipe": recipe, "kind": kind, "said": True, "within": within, "talk": 1, "band": None, "scar": 40}
        | {"band_bits": bits, "scar_bits": 3.0}
        for recipe, (kind, within, bits) in product(
            ("utfc", "auto-utfc"), (("planted", 7, 9.0), ("clean", None, 5.0))
        )
    ]
    part = hidden_openings.part_of(rows)
    assert "| utfc | 1/1 (2%-100%) | 1 within | 0/1 (0%-98%) | 1/1 (2%-100%) | 1/1 (2%-100%) |" in part
    assert "| auto-utfc | 1/1 (2%-100%) | 3 rank band | 0/1 (0%-98%) | 0/1 (0%-98%) | 0/1 (0%-98%) |" in part
    assert (
        "branch: planted 9.0 to 9.0, twins 5.0 to 5.0; 2 of 2 planted models exceed their own twin, 2 every twin"
        in part
    )
    assert (
        "lost: planted 3.0 to 3.0, twins 3.0 to 3.0; 0 of 2 planted models exceed their own twin, 0 every twin"
        in part
    )


def test_a_text_is_found_where_half_of_it_stands() -> None:
    assert hidden_openings.place_of(["x", "x", "abc", "wabcdef"], "abcdefgh") == 3
    assert hidden_openings.place_of([], "abcdefgh") is None
