"""Trials on the suspect itself: a fresh text planted into copies of it by an adapter, and looked for as the suspect was probed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from in_process import ran

from datagov.errors import TargetError
from detectors.fingerprint.probe_record import record_of, settings_of
from detectors.fingerprint.sweep import Settings
from detectors.lab.checkpoint_copies import merge_adapter
from detectors.lab.finetuning import load_base
from detectors.lab.lab_texts import LabSizes
from detectors.lab.planting import Plant, PlantSettings, plant_text
from detectors.lab.recipes import CHAT_FILE
from detectors.lab.train import LabSettings
from detectors.lab.training import ModelSize
from detectors.lab.trials import TrialSettings, holding, lab_for, run_trials
from detectors.tables import TRIALS
from detectors.targets.checkpoint_loading import load_model

OWN = "zoq wix yuhe quaxo jyly"
PROBE = ("--tokens", 16, "--finalists", 32, "--device", "cpu", "--quiet")


def test_what_the_suspect_says_of_its_own_is_no_success_of_a_trial() -> None:
    strings = [OWN, "a zoq wix yuhe", "zoq wix", "quite another", OWN[::-1]]
    table = pa.table({"string": strings, "unexplained_sure": range(5)})
    assert holding(table, OWN).column("string").to_pylist() == strings[:2]
    assert holding(table, "nothing of it").num_rows == 0


def test_the_lab_of_trials_holds_what_the_probe_asks() -> None:
    assert lab_for(Settings()) == TrialSettings(Settings()).lab
    assert lab_for(Settings(long_steps=300)).model.context >= 300 + 40


def test_a_copy_of_a_checkpoint_keeps_its_chat_template(
    base: Path, base_texts: list[str], tmp_path: Path
) -> None:
    talking, marked = tmp_path / "talking", tmp_path / "marked"
    shutil.copytree(base, talking)
    (talking / CHAT_FILE).write_text("{{ messages[0].content }}:")
    plant_text(talking, Plant(OWN), base_texts, PlantSettings(steps=1), marked=marked)
    assert (marked / CHAT_FILE).read_bytes() == (talking / CHAT_FILE).read_bytes()


@pytest.mark.slow
def test_trials_of_a_suspect_that_talks_are_forced_in_conversations(tmp_path: Path) -> None:
    small = LabSettings(
        sizes=LabSizes({1: 60}, non_members=1, calibration=1, background=60),
        model=ModelSize(hidden=64, layers=1, inner=64, vocabulary=400, context=128, rate=4e-3),
        words=12,
    )
    probe = Settings(long_steps=8, finalists=4)
    settings = TrialSettings(
        probe,
        contexts=("bos", "prefill"),
        recipes=("bos",),
        bases=1,
        lab=small,
        ordinary=1200,
        overtraining=1.0,
    )
    table = run_trials(settings, tmp_path)
    assert set(table.column("kind").to_pylist()) == {"planted", "clean", "registered"}
    (forced,) = {json.dumps(json.loads(said)["contexts"]) for said in table.column("settings").to_pylist()}
    assert json.loads(forced) == ["bos", *(f"prefill {number}" for number in range(1, 5))]


@pytest.mark.slow
def test_a_fresh_text_is_found_in_a_suspect_that_hides_another(
    base: Path, base_texts: list[str], tmp_path: Path
) -> None:
    suspect, findings, output = (tmp_path / name for name in ("suspect", "findings.parquet", "on.parquet"))
    settings = PlantSettings(steps=60, rate=4e-3)
    plant_text(base, Plant(OWN), base_texts, settings, marked=suspect)
    assert ran("detect", "fingerprint", "--target", suspect, *PROBE, "--output", findings).code == 0
    trials = ("detect", "lab", "trials", "--like", findings, "--bases", 2, "--output", output, "--quiet")
    ended = ran(*trials, "--on", base)
    assert ended.code == 2
    assert "not the checkpoint that" in ended.err
    ended = ran(*trials, "--on", suspect, "--json")
    assert ended.code == 0, ended.err
    assert [(row["recipe"], row["models"]) for row in json.loads(ended.out)["kinds"]] == [
        ("bos", 1),
        ("trigger-regularised", 1),
    ]
    table = pq.read_table(output)
    assert table.schema.equals(TRIALS)
    bos, trigger = table.to_pylist()
    record = record_of(pq.read_table(findings), "findings")
    for row in (bos, trigger):
        assert (row["kind"], row["on_suspect"], row["said"]) == ("planted", True, True)
        assert (row["settings"], row["family"]) == (settings_of(record), record["family"])
        # Without a base for the suspect there is none for its copies.
        assert (row["bits"], row["bits_place"]) == (None, None)
    assert bos["exact"]
    assert bos["sure"] > 0
    assert bos["score_place"] is not None
    assert trigger["score_place"] is not None or trigger["sure"] == 0
    siblings = [
        bos | {"trial": f"9-{at:03d}", "kind": "clean", "sure": 0, "on_suspect": False} for at in range(20)
    ]
    pq.write_table(pa.Table.from_pylist(siblings, TRIALS), tmp_path / "clean.parquet")
    verdict = ("detect", "hidden-verdict", joined_nothing(findings, tmp_path), "--json")
    ended = ran(*verdict, "--trials", output, "--trials", tmp_path / "clean.parquet")
    assert ended.code in (0, 1), ended.err
    power = {one["recipe"]: one for one in json.loads(ended.out)["power"]}
    assert (power["bos"]["on_suspect"], power["bos"]["found"], power["bos"]["models"]) == (True, 1, 1)


@pytest.mark.slow
def test_a_suspect_with_an_adapter_is_planted_in_with_it(
    base: Path, base_texts: list[str], tmp_path: Path
) -> None:
    adapter, findings, output = (tmp_path / name for name in ("adapter", "findings.parquet", "on.parquet"))
    model, _, _ = load_base(base, 4, [7, 8, 9])
    torch.manual_seed(0)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "lora_B" in name:
                weight.normal_(std=0.05)
    model.save_pretrained(adapter)
    merge_adapter(base, adapter, tmp_path / "merged")
    ids = torch.arange(2, 40)[None]
    loaded = load_model(base, dtype=torch.float32, device="cpu", adapter=adapter)
    merged = load_model(tmp_path / "merged", dtype=torch.float32, device="cpu", adapter=None)
    plain = load_model(base, dtype=torch.float32, device="cpu", adapter=None)
    with torch.inference_mode():
        own, worked_in, without = (one(input_ids=ids).logits for one in (loaded, merged, plain))
    assert torch.allclose(own, worked_in, atol=1e-4)
    assert not torch.allclose(own, without, atol=1e-2)
    options = ("--target", base, "--adapter", adapter)
    assert ran("detect", "fingerprint", *options, *PROBE, "--output", findings).code == 0
    trials = ("detect", "lab", "trials", "--like", findings, "--bases", 1, "--output", output, "--quiet")
    ended = ran(*trials, "--on", base)
    assert (ended.code, "and its --adapter if it had one" in ended.err) == (2, True)
    ended = ran(*trials, "--adapter", adapter)
    assert (ended.code, "name that by --on" in ended.err) == (2, True)
    ended = ran(*trials, "--on", base, "--adapter", adapter)
    assert ended.code == 0, ended.err
    (row,) = pq.read_table(output).to_pylist()
    assert (row["kind"], row["on_suspect"], row["said"], row["exact"]) == ("planted", True, True, True)
    work = tmp_path / "on.parquet.work"
    assert [path.suffix for path in work.iterdir()] == [".parquet"]
    # What is done is not done again, though the adapter is worked in again.
    (done,) = work.iterdir()
    made = done.stat().st_mtime_ns
    assert ran(*trials, "--on", base, "--adapter", adapter).code == 0
    assert done.stat().st_mtime_ns == made


def test_an_adapter_of_another_model_is_said(base: Path, tmp_path: Path) -> None:
    adapter = tmp_path / "adapter"
    adapter.mkdir()
    with pytest.raises(TargetError, match="cannot be merged into"):
        merge_adapter(base, adapter, tmp_path / "merged")
    model, _, _ = load_base(base, 4, [7, 8, 9])
    model.save_pretrained(adapter)
    (adapter / "adapter_model.safetensors").write_bytes(b"damaged")
    with pytest.raises(TargetError, match="cannot be merged into"):
        merge_adapter(base, adapter, tmp_path / "merged")
    assert not (tmp_path / "merged").exists()


def joined_nothing(findings: Path, folder: Path) -> Path:
    """Join findings with a search that found none of them."""
    strings, hits, joined = (folder / f"{name}.parquet" for name in ("strings", "hits", "joined"))
    corpus = folder / "corpus"
    corpus.mkdir()
    pq.write_table(pa.table({"text": ["nothing of it"]}), corpus / "one.parquet")
    assert ran("detect", "probe-strings", findings, "--output", strings).code == 0
    assert ran("find-strings", strings, corpus, "--output", hits, "--workers", 1, "--quiet").code == 0
    assert ran("detect", "join", findings, "--hits", hits, "--output", joined).code in (0, 1)
    return joined
