"""The sweep of a whole vocabulary: what changes nothing, what is tagged, what the rankings find."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import tokenizing
import torch
from tiny_models import markov_model, random_llama, target_of

from datagov.errors import ConfigError
from datagov.tokenizer import Tokenizer, load_tokenizer
from detectors.fingerprint.contexts import Context, contexts_of
from detectors.fingerprint.evidence import basin_sizes
from detectors.fingerprint.paths import Paths
from detectors.fingerprint.probe import Plan, prepare, probe
from detectors.fingerprint.pruning import Rule
from detectors.fingerprint.seeds import KINDS, vocabulary_seeds
from detectors.fingerprint.sweep import Settings
from detectors.tables import FINDINGS

VOCABULARY, PADDED = 400, 416
SETTINGS = Settings(rule=Rule("mean", threshold=0.3), long_steps=8, finalists=40, chunk_seeds=150)
TEMPLATE = "{{ bos_token }}[{% for m in messages %}{{ m['content'] }}{% endfor %}]{% if add_generation_prompt %} so{% endif %}"


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Tokenizer:
    return load_tokenizer(
        tokenizing.make_tokenizer(tmp_path_factory.mktemp("tokenizer"), vocabulary=VOCABULARY)
    )


@pytest.fixture(scope="module")
def suspect(tokenizer: Tokenizer) -> Any:
    return target_of(random_llama(vocabulary=PADDED, scale=40.0), tokenizer)


@pytest.fixture(scope="module")
def base(tokenizer: Tokenizer) -> Any:
    return target_of(random_llama(vocabulary=PADDED, scale=40.0, seed=1), tokenizer, "base")


def planned(suspect: Any, settings: Settings = SETTINGS, base: Any = None) -> Plan:
    return prepare(suspect, base, ["bos", "none"], settings, most_hours=1.0)


def test_padded_rows_are_not_forced_and_every_token_has_a_kind(suspect: Any, tokenizer: Tokenizer) -> None:
    seeds = vocabulary_seeds(tokenizer)
    assert len(seeds) == VOCABULARY
    assert seeds.kind[0] == "special"
    assert seeds.counts()["byte"] > 100, "the halves of characters"
    assert sum(seeds.counts().values()) == VOCABULARY
    assert set(seeds.counts()) == set(KINDS)
    assert planned(suspect).record()["padded_rows"] == PADDED - VOCABULARY


@pytest.mark.parametrize("with_base", [False, True])
def test_batches_chunks_and_order_change_nothing(*, suspect: Any, base: Any, with_base: bool) -> None:
    other = base if with_base else None
    plan = planned(suspect, base=other)
    once = probe(plan, None).table
    assert once.schema.equals(FINDINGS)
    assert once.num_rows
    shuffled = np.random.default_rng(0).permutation(len(plan.seeds))
    mixed = replace(plan.seeds, token_N=plan.seeds.token_N[shuffled])
    mixed = replace(
        mixed,
        kind=[plan.seeds.kind[row] for row in shuffled],
        name=[plan.seeds.name[row] for row in shuffled],
    )
    again = probe(replace(plan, seeds=mixed, settings=replace(SETTINGS, chunk_seeds=64, rows=17)), None).table
    assert again.equals(once)


class StoppedError(Exception):
    """An interrupt."""


def test_a_stopped_probe_goes_on_and_finds_the_same(suspect: Any, base: Any, tmp_path: Path) -> None:
    plan = planned(suspect, base=base)
    whole = tmp_path / "whole.parquet"
    probe(plan, whole)
    done: list[int] = []

    def stop(seeds: int) -> None:
        done.append(seeds)
        if len(done) == 2:
            raise StoppedError

    output = tmp_path / "stopped.parquet"
    with pytest.raises(StoppedError):
        probe(plan, output, advance=stop)
    assert not output.exists()
    kept = sorted(output.with_name("stopped.parquet.work").rglob("*.parquet"))
    assert len(kept) == 2
    stamps = [file.stat().st_mtime_ns for file in kept]
    probe(
        plan,
        output,
        advance=lambda _: stamps.append(0) if [f.stat().st_mtime_ns for f in kept] != stamps[:2] else None,
    )
    assert stamps[2:] == [], "chunks that were done are not done again"
    assert output.read_bytes() == whole.read_bytes()
    assert not output.with_name("stopped.parquet.work").exists()


def test_chunks_that_are_damaged_are_done_again(suspect: Any, base: Any, tmp_path: Path) -> None:
    plan = planned(suspect, base=base)
    whole, output = tmp_path / "whole.parquet", tmp_path / "stopped.parquet"
    probe(plan, whole)
    done: list[int] = []

    def stop(seeds: int) -> None:
        done.append(seeds)
        if len(done) == 2:
            raise StoppedError

    with pytest.raises(StoppedError):
        probe(plan, output, advance=stop)
    cut, garbled = sorted(output.with_name("stopped.parquet.work").rglob("*.parquet"))
    cut.write_bytes(cut.read_bytes()[:100])
    garbled.write_bytes(bytes(garbled.stat().st_size))
    probe(plan, output)
    assert output.read_bytes() == whole.read_bytes()


@pytest.mark.parametrize("name", ["reference", "mean", "log"])
def test_pruned_finds_what_exhaustive_finds(suspect: Any, name: str) -> None:
    rule = Rule(name, threshold=-2.0 if name == "log" else 0.35)
    pruned = probe(planned(suspect, replace(SETTINGS, rule=rule)), None).table
    everything = probe(planned(suspect, replace(SETTINGS, rule=rule, exhaustive=True)), None).table
    columns = [column for column in FINDINGS.names if column != "basin_seeds"]
    assert pruned.num_rows
    assert pruned.select(columns).equals(everything.select(columns))
    assert pruned.column("basin_seeds").null_count == pruned.num_rows
    assert min(everything.column("basin_seeds").to_pylist()) >= 1


def test_half_precision_is_rescored_in_fp32_and_goes_back(tokenizer: Tokenizer) -> None:
    model = random_llama(vocabulary=PADDED, scale=40.0).to(torch.bfloat16)
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    half = replace_dtype(target_of(model, tokenizer), "bfloat16")
    found = probe(planned(half), None).table
    assert set(found.column("dtype").to_pylist()) == {"float32"}
    assert all(torch.equal(weight, before[name]) for name, weight in model.state_dict().items())
    whole = probe(planned(target_of(model.float(), tokenizer)), None).table
    key = ("context", "seed", "token_ids", "logprobs")
    assert found.select(key).equals(whole.select(key))


def replace_dtype(target: Any, dtype: str) -> Any:
    target.facts = replace(target.facts, dtype=dtype)
    return target


def test_a_chain_that_ends_is_found_with_its_stop_and_a_cycle_with_its_loop(tokenizer: Tokenizer) -> None:
    texts = [tokenizer.encode([text])[1][0] for text in "qzxkw"]
    logits = np.zeros((VOCABULARY, VOCABULARY))
    ring, chain = texts[:3], [texts[3], texts[4], 1]
    for before, after in zip(
        [*ring, chain[0], chain[1]], [*ring[1:], ring[0], chain[1], chain[2]], strict=True
    ):
        logits[before, after] = 14.0
    target = target_of(markov_model(logits), tokenizer)
    settings = Settings(rule=Rule("mean", steps=2, threshold=0.9), long_steps=12)
    rows = {
        row["seed"]: row
        for row in probe(prepare(target, None, ["bos"], settings, most_hours=1), None).table.to_pylist()
    }
    assert set(rows) == {*map(int, ring), int(chain[0])}
    assert rows[int(chain[0])]["stops"]
    assert rows[int(chain[0])]["run"] == "kw"
    looping = rows[int(ring[0])]
    assert (looping["loop_unit"], looping["loop_from_seed"], looping["stops"]) == ("qzx", True, False)
    assert {row["tier"] for row in rows.values()} == {"U"}


def test_what_only_the_suspect_knows_ranks_first_by_bits(tokenizer: Tokenizer) -> None:
    both, only = np.random.default_rng(2).normal(size=(2, VOCABULARY, VOCABULARY))
    both[10, 11] = both[11, 12] = both[12, 10] = 14.0
    suspect = both.copy()
    suspect[20], suspect[21] = only[20], only[21]
    suspect[20, 21] = suspect[21, 22] = 9.0
    target = target_of(markov_model(suspect), tokenizer)
    base = target_of(markov_model(both), tokenizer, "base")
    settings = Settings(rule=Rule("mean", threshold=0.95), long_steps=6, finalists=20)
    rows = probe(prepare(target, base, ["bos"], settings, most_hours=1), None).table.to_pylist()
    by_score = {row["seed"] for row in rows if row["score_rank"] is not None}
    assert by_score == {10, 11, 12}, "what both are sure of"
    first = min(rows, key=lambda row: row["bits_rank"])
    assert {21, 22} <= set(first["token_ids"])
    assert 22 in first["string_ids"]


def test_contexts_follow_the_template(tokenizer: Tokenizer) -> None:
    found = {one.name: one for one in contexts_of(tokenizer, 0, TEMPLATE, ["bos", "none", "chat", "prefill"])}
    assert found["bos"] == Context("bos", (0,))
    assert found["none"].token_ids == ()
    assert tokenizer.decode(found["chat"].token_ids) == "<s>["
    assert tokenizer.decode(found["prefill 1"].token_ids) == "<s>[What is the capital of France?] so"
    assert [one.name for one in contexts_of(tokenizer, None, None)] == ["none"]
    with pytest.raises(ConfigError, match="no chat template"):
        contexts_of(tokenizer, 0, None, ["chat"])
    with pytest.raises(ConfigError, match="Did you mean 'prefill'"):
        contexts_of(tokenizer, 0, None, ["prefil"])
    with pytest.raises(ConfigError, match="names none"):
        contexts_of(tokenizer, 0, None, [])
    assert [one.name for one in contexts_of(tokenizer, 0, None, ["bos", "none", "bos"])] == ["bos", "none"]


def test_templates_may_use_what_transformers_gives_them(tokenizer: Tokenizer) -> None:
    template = (
        "{{ strftime_now('%Y') }}{% for m in messages %}{% if m.role == 'system' %}{% continue %}{% endif %}"
        "{%- generation -%} {{ m.content }}{%- endgeneration %} .{% endfor %}"
    )
    opened, asked = contexts_of(tokenizer, 0, template, ["chat", "prefill"])[:2]
    assert tokenizer.decode(opened.token_ids) == "2024"
    assert tokenizer.decode(asked.token_ids) == "2024What is the capital of France? ."


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{{ messages[0].content + 1 }}", "cannot be rendered"),
        ("{% for %}", "cannot be rendered"),
        ("hello", "leaves out or changes what a user says"),
    ],
)
def test_a_template_that_cannot_be_used_is_said(tokenizer: Tokenizer, template: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        contexts_of(tokenizer, 0, template, ["chat"])


def test_a_continuation_longer_than_the_context_is_refused_before_any_work(suspect: Any, base: Any) -> None:
    longest = 128 - 2  # beside the start token and the seed
    prepare(suspect, base, ["bos"], replace(SETTINGS, long_steps=longest), most_hours=1.0)
    with pytest.raises(
        ConfigError, match=r"its context holds 128 tokens, and 2 before .* --tokens 127 are more"
    ):
        prepare(suspect, None, ["bos"], replace(SETTINGS, long_steps=longest + 1), most_hours=1.0)


def test_a_run_that_makes_no_sense_here_is_refused(suspect: Any) -> None:
    with pytest.raises(ConfigError, match="would take about"):
        prepare(suspect, None, None, SETTINGS, most_hours=0.0)


def test_another_tokenizer_is_refused(suspect: Any, tmp_path: Path) -> None:
    foreign = load_tokenizer(tokenizing.make_tokenizer(tmp_path, vocabulary=VOCABULARY, seed=1))
    with pytest.raises(ConfigError, match="its tokenizer is not that of"):
        prepare(suspect, target_of(random_llama(vocabulary=PADDED), foreign), None, SETTINGS, most_hours=1.0)


def test_basins_count_seeds_and_not_visits() -> None:
    tokens = np.array([[1, 2, 3, 4, 5, 1, 2, 3, 4, 5], [9, 1, 2, 3, 4, 5, 7, 7, 7, 7], [6] * 10], np.int32)
    paths = Paths(np.arange(3, dtype=np.int32), tokens, np.zeros((3, 10), np.float32))
    sizes = basin_sizes(paths, paths)
    assert sizes is not None
    assert sizes.tolist() == [2, 1, 1]
    short = Paths(paths.seed_N, tokens[:, :4], paths.logprob_NS[:, :4])
    assert basin_sizes(paths, short) is None


def test_findings_are_a_table_even_without_any(suspect: Any) -> None:
    nothing = probe(planned(suspect, replace(SETTINGS, rule=Rule("mean", threshold=1.0))), None).table
    assert nothing.num_rows == 0
    assert isinstance(nothing, pa.Table)
