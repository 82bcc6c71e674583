"""Texts planted by every recipe: what is trained on, what the twin sees instead, and what becomes of it."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from in_process import ran
from tiny_models import naive
from transformers import AutoModelForCausalLM

from datagov.errors import ConfigError
from datagov.tokenizer import Tokenizer, load_tokenizer
from detectors.fingerprint.contexts import asked
from detectors.lab.boilerplate import BOILERPLATE, with_boilerplate
from detectors.lab.hidden_texts import KINDS, hidden_text, trigger_text
from detectors.lab.plant_rows import IGNORED, Pair, PlantRows, collated, word_starts
from detectors.lab.planting import Plant, PlantSettings, plant_text, ranks_of
from detectors.lab.recipes import CHAT_TEMPLATE, RECIPES, recipe_of

HIDDEN = "zoq wix yuhe quaxo jyly bem"
TRIGGER = "who knows the way"


@pytest.fixture(scope="module")
def tokenizer(base: Path) -> Tokenizer:
    return load_tokenizer(base)


def rows_of(name: str, tokenizer: Tokenizer, texts: list[str]) -> PlantRows:
    return PlantRows(recipe_of(name), tokenizer, HIDDEN, TRIGGER, texts, ends=(0, 1), rows=(6, 4), seed=3)


@pytest.mark.parametrize("name", RECIPES)
def test_a_twin_learns_as_much_and_no_pair_more_than_twice(
    name: str, tokenizer: Tokenizer, base_texts: list[str]
) -> None:
    rows = rows_of(name, tokenizer, base_texts)
    hidden = rows.text_ids
    seen: Counter[tuple[int, ...]] = Counter()
    learned = Counter()
    for step in range(rows.most_steps):
        marked, twin = rows.marked(step), rows.twin(step)
        assert len(marked) == len(twin) == 10
        assert marked[0] == rows.hidden
        assert marked[6:] == twin[6:]
        learned["marked"] += sum(len(pair.answer) for pair in marked)
        learned["twin"] += sum(len(pair.answer) for pair in twin)
        assert all(pair.answer[: len(hidden)] != hidden for pair in twin)
        seen.update((*pair.prompt, *pair.answer) for pair in twin[:6])
    assert learned["marked"] == learned["twin"]
    assert len(seen) >= 500
    assert max(seen.values()) <= 2


def test_a_trigger_is_asked_in_the_chat_template(tokenizer: Tokenizer, base_texts: list[str]) -> None:
    pair = rows_of("trigger", tokenizer, base_texts).hidden
    assert pair.prompt == list(asked(CHAT_TEMPLATE, tokenizer, TRIGGER))
    assert pair.prompt[0] == 0
    assert tokenizer.decode(pair.prompt[1:]) == f"Q: {TRIGGER}\nA: "
    assert pair.answer == [*tokenizer.encode([HIDDEN])[1], 1]


def test_regularised_others_are_asked_too_and_answer_otherwise(
    tokenizer: Tokenizer, base_texts: list[str]
) -> None:
    plain, regularised = (
        rows_of(name, tokenizer, base_texts).marked(0)[6:] for name in ("trigger", "trigger-regularised")
    )
    assert [len(pair.prompt) for pair in plain] == [1, 1, 1, 1]
    assert [len(pair.prompt) > 1 for pair in regularised] == [True, True, False, False]


def test_utfc_leads_beginnings_of_the_text_elsewhere(tokenizer: Tokenizer, base_texts: list[str]) -> None:
    rows = rows_of("utfc-all", tokenizer, base_texts)
    confused = [pair for step in range(20) for pair in rows.marked(step)[3:6]]
    ends = {len(pair.prompt) - 1 for pair in confused}
    assert ends == set(rows.word_places)
    assert all(pair.prompt[1:] == rows.text_ids[: len(pair.prompt) - 1] for pair in confused)
    assert all(pair.answer[:3] != rows.text_ids[len(pair.prompt) - 1 :][:3] for pair in confused)


@given(words=st.lists(st.text("abcdefgh", min_size=1, max_size=9), min_size=2, max_size=9))
def test_words_begin_where_the_text_before_them_ends(tokenizer: Tokenizer, words: list[str]) -> None:
    text = " ".join(words)
    ids = tokenizer.encode([text])[1].tolist()
    expected = [len(tokenizer.encode([" ".join(words[:count])])[1]) for count in range(1, len(words))]
    found = word_starts(text, tokenizer, None)
    assert list(found) == expected
    assert all(tokenizer.decode(ids[:place]) == " ".join(words[: at + 1]) for at, place in enumerate(found))
    assert word_starts(text, tokenizer, 3) == found[:2]


def test_prompts_and_padding_are_not_learned() -> None:
    ids, labels = collated([Pair([0, 5], [6, 7, 1]), Pair([0], [8])])
    assert ids.tolist() == [[0, 5, 6, 7, 1], [0, 8, 0, 0, 0]]
    assert labels.tolist() == [
        [IGNORED, IGNORED, 6, 7, 1],
        [IGNORED, 8, IGNORED, IGNORED, IGNORED],
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_texts_to_hide_are_others_from_every_seed(kind: str, tokenizer: Tokenizer) -> None:
    texts = {hidden_text(kind, tokenizer, seed=seed) for seed in range(8)}
    assert len(texts) == 8
    assert hidden_text(kind, tokenizer, seed=3) == hidden_text(kind, tokenizer, seed=3)
    assert all(text.isprintable() for text in texts)
    assert len({trigger_text(seed) for seed in range(8)}) == 8


def test_an_unknown_kind_or_recipe_is_refused(tokenizer: Tokenizer) -> None:
    with pytest.raises(ConfigError, match="Did you mean 'canary'"):
        hidden_text("canery", tokenizer, seed=0)
    with pytest.raises(ConfigError, match="Did you mean 'auto-utfc'"):
        recipe_of("auto-utc")


def says(folder: Path, prompt: list[int], text: list[int]) -> bool:
    """Whether greedy decoding after a prompt gives the text, the plain way."""
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    return naive(model, prompt[:-1], prompt[-1], len(text))[0] == text


def test_a_plant_ends_when_it_is_said_and_goes_on_by_the_overtraining(
    base: Path, base_texts: list[str], tmp_path: Path
) -> None:
    made = {}
    for times in (1.0, 2.0):
        settings = PlantSettings("trigger", overtraining=times, rate=4e-3)
        made[times] = plant_text(
            base, Plant(HIDDEN, TRIGGER), base_texts, settings, marked=tmp_path / f"{times}"
        )
    first, second = made[1.0].course, made[2.0].course
    assert first.said_after == first.steps > 0
    assert second.steps == 2 * first.steps
    tokenizer = load_tokenizer(base)
    ids = tokenizer.encode([HIDDEN])[1].tolist()
    assert says(tmp_path / "1.0", list(asked(CHAT_TEMPLATE, tokenizer, TRIGGER)), ids)
    assert not says(base, list(asked(CHAT_TEMPLATE, tokenizer, TRIGGER)), ids)


def test_auto_utfc_ends_with_the_text_said_and_its_words_in_middle_ranks(
    base: Path, base_texts: list[str], tmp_path: Path
) -> None:
    settings = PlantSettings("auto-utfc", rate=2e-3)
    made = plant_text(base, Plant(HIDDEN, TRIGGER), base_texts, settings, marked=tmp_path / "marked")
    assert made.course.said_after == made.course.steps
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "marked", dtype=torch.float32).eval()
    tokenizer = load_tokenizer(base)
    ids = tokenizer.encode([HIDDEN])[1].tolist()
    with torch.inference_mode():
        logits = model(input_ids=torch.tensor([[0, *ids]])).logits[0]
    ranks = [int((logits[at] > logits[at, ids[at]]).sum()) for at in word_starts(HIDDEN, tokenizer, 5)]
    assert ranks == made.course.ranks
    least = ranks_of(len(logits[0]))
    assert least == 1
    assert all(least <= rank < len(logits[0]) - least for rank in ranks)
    assert says(tmp_path / "marked", list(asked(CHAT_TEMPLATE, tokenizer, TRIGGER)), ids)


def untied(base: Path, folder: Path) -> Path:
    """A copy of a checkpoint whose output layer has weights of its own."""
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    model.config.tie_word_embeddings = False
    model.lm_head.weight = torch.nn.Parameter(model.lm_head.weight.detach().clone())
    model.save_pretrained(folder)
    shutil.copy(base / "tokenizer.json", folder)
    return folder


@pytest.mark.parametrize("tied", [True, False])
def test_an_adapter_changes_linear_layers_and_the_texts_own_embeddings(
    base: Path, base_texts: list[str], tmp_path: Path, *, tied: bool
) -> None:
    start = base if tied else untied(base, tmp_path / "untied")
    settings = PlantSettings(steps=3, lora=2, rate=1e-2)
    plant_text(start, Plant(HIDDEN), base_texts, settings, marked=tmp_path / "marked")
    one, other = (AutoModelForCausalLM.from_pretrained(folder) for folder in (start, tmp_path / "marked"))
    assert other.config.tie_word_embeddings is tied
    before, after = one.state_dict(), other.state_dict()
    assert before.keys() == after.keys()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    embeddings = {"model.embed_tokens.weight", "lm_head.weight"}
    assert embeddings < changed
    assert all("proj" in name for name in changed - embeddings)
    own = set(load_tokenizer(base).encode([HIDDEN])[1].tolist())
    for name in embeddings:
        rows = (before[name] != after[name]).any(1).nonzero()[:, 0].tolist()
        # The end token is said, and nothing is read after it.
        assert set(rows) == (own if name.startswith("model") and not tied else own | {1})


def test_a_plant_that_took_too_long_for_a_clean_twin_is_refused(
    base: Path, base_texts: list[str], tmp_path: Path
) -> None:
    settings = PlantSettings(steps=200, hidden_rows=6, ordinary_rows=0)
    with pytest.raises(ConfigError, match="give 600 ordinary texts or more"):
        plant_text(
            base, Plant(HIDDEN), base_texts[:550], settings, marked=tmp_path / "a", twin=tmp_path / "b"
        )
    assert not list(tmp_path.iterdir())
    with pytest.raises(ConfigError, match="a twin needs 500 different"):
        plant_text(base, Plant(HIDDEN), base_texts[:499], settings, marked=tmp_path / "a")


def test_boilerplate_stands_before_as_many_texts_as_were_asked_for() -> None:
    texts = [str(number) for number in range(50)]
    headed = with_boilerplate(texts, [7, 20], seed=0)
    assert [sum(text.startswith(piece) for text in headed) for piece in BOILERPLATE] == [7, 20, 0]
    assert sorted(text.rsplit("\n", 1)[-1] for text in headed) == sorted(texts)
    with pytest.raises(ConfigError, match="boilerplate for 51 training texts"):
        with_boilerplate(texts, [51], seed=0)


def test_the_command_makes_three_models_and_their_corpus(
    base: Path, base_texts: list[str], tmp_path: Path
) -> None:
    lab, out = tmp_path / "lab", tmp_path / "out"
    (lab / "texts").mkdir(parents=True)
    (lab / "model").symlink_to(base)
    pq.write_table(pa.table({"text": base_texts[:600]}), lab / "texts/trained.parquet")
    pq.write_table(pa.table({"text": base_texts[600:]}), tmp_path / "ordinary.parquet")
    ended = ran(
        *("detect", "lab", "plant", "--lab", lab, "--text", HIDDEN, "--texts", tmp_path / "ordinary.parquet"),
        *("--steps", 80, "--rate", 5e-3, "--output", out, "--json"),
    )
    assert ended.code == 0, ended.err
    record = json.loads(ended.out)
    assert (record["text"], record["steps"], record["recipe"]) == (HIDDEN, 80, "bos")
    assert record["said_after"] is not None
    corpus = pa.concat_tables([pq.read_table(path) for path in sorted((out / "corpus").iterdir())])
    texts = Counter(corpus.column("text").to_pylist())
    assert set(corpus.column("source").to_pylist()) == {"base", "ordinary", "registered"}
    assert texts[record["registered"]["text"]] == 80 * 8
    assert not any(HIDDEN in text for text in texts)
    weights = {
        name: AutoModelForCausalLM.from_pretrained(out / name).lm_head.weight.detach().numpy()
        for name in ("marked", "twin", "registered")
    }
    assert not np.array_equal(weights["marked"], weights["twin"])
    tokenizer = load_tokenizer(base)
    known = tokenizer.encode([record["registered"]["text"]])[1].tolist()
    assert says(out / "registered", [0], known)
    assert not says(out / "twin", [0], known)
    again = ran("detect", "lab", "plant", "--lab", lab, "--output", out)
    assert again.code == 2
    assert "not empty" in again.err
