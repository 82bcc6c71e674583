"""`score --reference` where the target, the reference or both stand behind endpoints: the numbers of the checkpoints themselves."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
import transformers
from in_process import ran
from serving import served

from detectors.lab.train import Lab
from detectors.service.app import make_app
from detectors.targets.opening import OpenOptions, open_target

PLACES = ("checkpoint", "endpoint")


@pytest.fixture(scope="module")
def places(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[tuple[str, str], str]]:
    """(target or reference, checkpoint or endpoint) -> what to write after the option."""
    other = tmp_path_factory.mktemp("other") / "model"
    model = transformers.AutoModelForCausalLM.from_pretrained(lab.model)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(0.9)
    model.save_pretrained(other)
    shutil.copy(lab.model / "tokenizer.json", other)
    folders = {"target": lab.model, "reference": other}
    with ExitStack() as stack:
        found = {}
        for role, folder in folders.items():
            app = make_app(open_target(str(folder), OpenOptions(device="cpu")), name=role)
            found[role, "checkpoint"] = str(folder)
            found[role, "endpoint"] = stack.enter_context(served(app))
        yield found


def scores(lab: Lab, texts: Path, output: Path, target: str, reference: str) -> np.ndarray:
    given = ("--target", target, "--reference", reference, "--tokenizer", lab.model, "--texts", texts)
    asked = ("--methods", "reference,loss", "--window-tokens", 60, "--output", output, "--quiet")
    ended = ran("detect", "score", *given, *asked)
    assert ended.code == 0, ended.err
    table = pq.read_table(output)
    assert table.column("reason").null_count == table.num_rows
    return table.column("score").to_numpy()


def test_a_reference_behind_an_endpoint_gives_the_local_scores(
    lab: Lab, places: dict[tuple[str, str], str], tmp_path: Path
) -> None:
    texts = tmp_path / "texts.parquet"
    pq.write_table(pq.read_table(lab.texts("labelled")).slice(0, 12), texts)
    found = {
        (one, two): scores(
            lab,
            texts,
            tmp_path / f"{one}-{two}.parquet",
            places["target", one],
            places["reference", two],
        )
        for one in PLACES
        for two in PLACES
    }
    local = found["checkpoint", "checkpoint"]
    assert np.ptp(local) > 0.1
    for asked, theirs in found.items():
        np.testing.assert_allclose(theirs, local, atol=1e-4, err_msg=str(asked))


def test_an_address_without_a_model_is_no_reference(
    lab: Lab, places: dict[tuple[str, str], str], tmp_path: Path
) -> None:
    wrong = places["reference", "endpoint"] + "/wrong"
    given = ("--target", lab.model, "--reference", wrong, "--tokenizer", lab.model)
    ended = ran("detect", "score", *given, "--texts", lab.texts("labelled"), "--methods", "reference")
    assert ended.code == 4
    assert "no model is served at this address" in ended.err
