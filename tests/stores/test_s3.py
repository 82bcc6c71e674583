"""Input and output in an object store: the same bytes as on a disk, and the same promises."""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import obstore
import orjson
import pyarrow as pa
import pytest
from governing import Governed, govern, write_recipe, write_shard
from obstore.store import from_url

from datagov.cli import main
from datagov.documents import list_shards
from datagov.errors import ConfigError, InputError, PartialRun
from datagov.ledger.reader import Ledger
from datagov.shards import InputForm
from datagov.storage import Output, Receipt, commit, read_receipt
from datagov.store import StoreFolder

Objects = Callable[[str], dict[str, bytes]]
Upload = Callable[[Path, str], None]

WORDS = [
    "the",
    "quick",
    "brown",
    "fox",
    "jumps",
    "over",
    "a",
    "lazy",
    "dog",
    "and",
    "then",
    "it",
    "sleeps",
    "for",
    "a",
    "long",
    "while",
]
TEXTS = {f"{at:02d}": " ".join(WORDS[(at * step) % len(WORDS)] for step in range(1, 40)) for at in range(12)}
TEXTS |= {f"{key} copy": text for key, text in list(TEXTS.items())[:3]}
TEXTS |= {f"{key} near": f"{text} again" for key, text in list(TEXTS.items())[4:8]}
STEPS: list[dict[str, Any]] = [
    {"normalise": {}},
    {"filter": {"profile": "gopher-en", "when": {"script": "latin"}, "otherwise": "keep", "annotate": True}},
    {"exact_dedup": {}},
    {"near_dedup": {"bands": 20, "rows": 2, "shingle": 3}},
    {"span_dedup": {"unit": "substring", "length": 20}},
]


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Governed:
    """The run on this machine, over shards of which each is a part."""
    folder = tmp_path_factory.mktemp("here")
    ids = list(TEXTS)
    for number in range(3):
        some = ids[number::3]
        write_shard(
            folder / f"corpus/in/{number}.parquet", {"id": some, "text": [TEXTS[key] for key in some]}
        )
    return govern(write_recipe(folder, steps=STEPS), part_rows=7)


def bucket_recipe(tmp_path: Path, place: str, **source: Any) -> Path:
    settings = {"path": f"{place}/corpus", **source}
    return write_recipe(tmp_path, steps=STEPS, input=settings, output=f"{place}/out")


def published(objects: dict[str, bytes]) -> dict[str, bytes]:
    return {path: data for path, data in objects.items() if path.startswith(("data/", "ledger/"))}


def local(out: Path) -> dict[str, bytes]:
    files = (path for folder in ("data", "ledger") for path in (out / folder).rglob("*") if path.is_file())
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in files}


def test_a_bucket_gets_the_bytes_that_a_disk_gets(
    here: Governed, place: str, tmp_path: Path, upload: Upload, objects: Objects
) -> None:
    upload(here.out.parent / "corpus", f"{place}/corpus")
    recipe = bucket_recipe(tmp_path, place)
    done = govern(recipe, part_rows=7)
    there = objects(f"{place}/out")
    expected = local(here.out)
    # A part's name holds no times, so that the same shards give the same names wherever they lie.
    assert published(there) == expected
    assert done.counts == here.counts
    record = json.loads(there["runs/r1.json"])
    assert record["complete"]
    assert record["input"]["path"] == f"{place}/corpus"

    shutil.rmtree(tmp_path / "cache")
    again = govern(recipe, part_rows=7)
    assert again.manifest == done.manifest
    assert objects(f"{place}/out") == there


def test_a_run_that_was_cut_off_continues_in_the_bucket(
    here: Governed, place: str, tmp_path: Path, upload: Upload, objects: Objects
) -> None:
    upload(here.out.parent / "corpus", f"{place}/corpus")
    recipe = bucket_recipe(tmp_path, place)
    govern(recipe, part_rows=7, share=(1, 3))
    begun = objects(f"{place}/out")
    assert not json.loads(begun["runs/r1.json"])["complete"]
    # The other machine knows nothing but the bucket.
    shutil.rmtree(tmp_path / "cache", ignore_errors=True)
    govern(recipe, part_rows=7)
    ended = objects(f"{place}/out")
    assert published(ended) == local(here.out)
    kept = {path for path in begun if path.startswith("receipts/")}
    assert {path: ended[path] for path in kept} == {path: begun[path] for path in kept}


def test_a_lost_object_is_made_again(
    here: Governed, place: str, tmp_path: Path, upload: Upload, objects: Objects
) -> None:
    upload(here.out.parent / "corpus", f"{place}/corpus")
    recipe = bucket_recipe(tmp_path, place)
    govern(recipe, part_rows=7)
    whole = objects(f"{place}/out")
    client = from_url(f"{place}/out", client_options={"allow_http": True})
    lost = [path for path in whole if path.startswith(("ledger/decisions/", "data/r1/", "ledger/bands/"))]
    obstore.delete(client, lost)
    govern(recipe, part_rows=7)
    assert published(objects(f"{place}/out")) == published(whole)


def test_workers_and_the_command_line(
    here: Governed,
    place: str,
    tmp_path: Path,
    upload: Upload,
    objects: Objects,
    capsys: pytest.CaptureFixture[str],
) -> None:
    upload(here.out.parent / "corpus", f"{place}/corpus")
    recipe = bucket_recipe(tmp_path, place)
    assert main(["run", str(recipe), "--workers", "2", "--quiet", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["kept"] == here.counts["kept"]
    assert main(["status", f"{place}/out"]) == 0
    assert "complete" in capsys.readouterr().out
    for out in (f"{place}/out", f"{place}/out@r1"):
        assert main(["explain", "00 copy", "--ledger", out, "--json"]) == 0
        assert "exact_dedup" in capsys.readouterr().out
    assert main(["sample", "--removed-by", "exact_dedup", "--ledger", f"{place}/out", "--json"]) == 0
    drawn = json.loads(capsys.readouterr().out)["documents"]
    assert {document["text"] for document in drawn} <= set(TEXTS.values())
    assert drawn
    assert main(["what-if", "--ledger", f"{place}/out", "--verify"]) == 2
    assert "object store" in capsys.readouterr().err
    with pytest.raises(ConfigError, match="r7"):
        Ledger.open(f"{place}/out", run="r7")


def test_lines_in_a_bucket(place: str, tmp_path: Path, upload: Upload, here: Governed) -> None:
    lines = b"".join(orjson.dumps({"id": key, "text": text}) + b"\n" for key, text in TEXTS.items())
    (tmp_path / "up").mkdir()
    (tmp_path / "up/a.jsonl.gz").write_bytes(gzip.compress(lines) + gzip.compress(b"not json\n"))
    upload(tmp_path / "up", f"{place}/corpus")
    done = govern(write_recipe(tmp_path, steps=STEPS, input={"path": f"{place}/corpus", "format": "jsonl"}))
    assert (done.counts["kept"], done.counts["errored"]) == (here.counts["kept"], 1)
    one = f"{place}/corpus/a.jsonl.gz"
    (shard,), _ = list_shards(one, InputForm(format="jsonl"))
    assert (shard.path, shard.rows) == ("a.jsonl.gz", len(TEXTS) + 1)


# The commit


DRAFT = Receipt("measure", "p-1", (), {"rows": 1}, {"modified": [["a.parquet", 7]]}, 0.5)
RECEIPT = "receipts/measure-1/p-1.json"


def attempt(root: StoreFolder, seconds: float) -> Receipt:
    draft = replace(DRAFT, seconds=seconds)
    return commit(root, RECEIPT, draft, [Output("ledger/t/p-1.parquet", pa.table({"n": [1]}))])


def test_of_two_attempts_the_first_receipt_stands(place: str) -> None:
    root = StoreFolder(place)
    first = attempt(root, 1.0)
    assert attempt(root, 2.0) == first
    assert read_receipt(root, RECEIPT) == first


def test_of_many_attempts_at_once_one_creates(place: str) -> None:
    root = StoreFolder(place)
    with ThreadPoolExecutor(8) as threads:
        created = list(threads.map(lambda number: root.create("x", b"%d" % number), range(8)))
    assert sum(created) == 1
    assert root.read("x") == b"%d" % created.index(True)


def test_a_receipt_of_other_inputs_is_replaced(place: str) -> None:
    root = StoreFolder(place)
    attempt(root, 1.0)
    touched = replace(DRAFT, inputs={"modified": [["a.parquet", 8]]})
    commit(root, RECEIPT, touched, [Output("ledger/t/p-1.parquet", pa.table({"n": [1]}))])
    assert read_receipt(root, RECEIPT, inputs=DRAFT.inputs) is None
    assert read_receipt(root, RECEIPT, inputs=touched.inputs) is not None
    with pytest.raises(InputError, match="belongs to an earlier run"):
        commit(root, RECEIPT, touched, [Output("ledger/t/p-1.parquet", pa.table({"n": [2]}))])


def test_a_fetched_file_follows_its_object(place: str) -> None:
    root = StoreFolder(place)
    assert not (root / "x").exists()
    root.put("x", b"one")
    assert (root / "x").read_bytes() == b"one"
    root.put("x", b"longer")
    assert (root / "x").read_bytes() == b"longer"
    root.put("in/y", b"")
    assert root.names() == ["in", "x"]
    assert (root.size("x"), root.size("none"), root.read("none")) == (6, None, None)
    obstore.delete(from_url(place, client_options={"allow_http": True}), "x")
    assert not (root / "x").exists()


# What cannot be used


def test_a_bucket_that_is_not_there(
    server: str, tmp_path: Path, place: str, capsys: pytest.CaptureFixture[str]
) -> None:
    write_shard(tmp_path / "corpus/a.parquet", {"id": ["a"], "text": ["x"]})
    assert main(["run", str(write_recipe(tmp_path, output="s3://nowhere/out"))]) == 2
    assert "output s3://nowhere/out: cannot list" in capsys.readouterr().err
    assert main(["run", str(write_recipe(tmp_path, input={"path": "s3://nowhere/in"}))]) == 3
    assert "no such bucket or folder" in capsys.readouterr().err
    with pytest.raises(PartialRun, match=r"cannot write s3://nowhere/x"):
        StoreFolder("s3://nowhere").put("x", b"")


@pytest.mark.parametrize("url", ["gs://bucket/x", "s3:///x"])
def test_other_urls(tmp_path: Path, url: str) -> None:
    write_shard(tmp_path / "corpus/a.parquet", {"id": ["a"], "text": ["x"]})
    with pytest.raises(ConfigError, match="s3://BUCKET/FOLDER"):
        govern(write_recipe(tmp_path, input={"path": url}))
    with pytest.raises(ConfigError, match="s3://BUCKET/FOLDER"):
        govern(write_recipe(tmp_path, output=url))


def test_an_output_folder_of_something_else(place: str, tmp_path: Path, upload: Upload) -> None:
    write_shard(tmp_path / "corpus/a.parquet", {"id": ["a"], "text": ["x"]})
    (tmp_path / "up").mkdir()
    (tmp_path / "up/thesis.tex").write_text("years of work")
    upload(tmp_path / "up", f"{place}/out")
    with pytest.raises(ConfigError, match="not a datagov output"):
        govern(write_recipe(tmp_path, output=f"{place}/out"))
    upload(tmp_path / "corpus", f"{place}/corpus")
    source = {"path": f"{place}/corpus"}
    with pytest.raises(ConfigError, match="inside the input"):
        govern(write_recipe(tmp_path, input=source, output=f"{place}/corpus/out"))
