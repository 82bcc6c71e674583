"""What the command line answers to input, recipes and folders that cannot be used: message and exit code."""

from __future__ import annotations

import errno
import os
import resource
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fault_program as program
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from fault_program import Ended

from datagov.cli import main

Cli = Callable[..., Ended]


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Cli:
    """Run the command line in this process: `cli(*arguments) -> Ended`."""

    def call(*arguments: str | Path) -> Ended:
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Ended(code, captured.out, captured.err)

    return call


@pytest.fixture
def few(tmp_path: Path) -> Path:
    """A folder with one small shard."""
    folder = tmp_path / "few"
    write_shard(folder / "part-0.parquet", ids=["a", "b", "c"])
    return folder


def write_shard(path: Path, ids: list[Any], **columns: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    texts = [f"One plain text of enough words, and this is number {number}." for number in range(len(ids))]
    count = len(ids)
    table = {"id": ids, "text": texts, "source": ["here"] * count, "url": [None] * count, **columns}
    kinds = {"url": pa.string()}
    pq.write_table(
        pa.table({name: pa.array(values, kinds.get(name)) for name, values in table.items()}), path
    )


def refused(ended: Ended, code: int, *words: str) -> None:
    """Assert the exit code, that the message says each of `words`, and that data went nowhere."""
    assert ended.code == code, ended
    for word in words:
        assert word in " ".join(ended.err.split()), ended.err
    assert "Traceback" not in ended.err
    assert not ended.out


# The input


def test_a_missing_column_is_named_with_the_nearest_one(cli: Cli, tmp_path: Path, few: Path) -> None:
    recipe = program.write_recipe(tmp_path, few, input={"path": str(few), "text": "txt"})
    refused(cli("run", recipe), 3, "part-0.parquet", "no column 'txt'", "Did you mean 'text'?")
    assert not (tmp_path / "out").exists()


def test_a_missing_column_of_a_dedup_step_is_named(cli: Cli, tmp_path: Path, few: Path) -> None:
    steps = [{"exact_dedup": {"on": "ur", "keep": ["first"]}}]
    refused(cli("run", program.write_recipe(tmp_path, few, steps=steps)), 3, "no column 'ur'", "'url'")


def test_an_empty_folder(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    recipe = program.write_recipe(tmp_path, tmp_path / "empty")
    refused(cli("run", recipe), 3, "no *.parquet file")


def test_a_missing_folder(cli: Cli, tmp_path: Path) -> None:
    refused(cli("run", program.write_recipe(tmp_path, tmp_path / "nowhere")), 3, "no such file or folder")


def test_only_unreadable_files(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in/part-0.parquet").write_bytes(b"not Parquet")
    recipe = program.write_recipe(tmp_path, tmp_path / "in")
    refused(cli("run", recipe), 3, "none of its 1 shard(s) can be read", "part-0.parquet")


def test_a_text_column_of_numbers(cli: Cli, tmp_path: Path) -> None:
    write_shard(tmp_path / "in/part-0.parquet", ids=["a", "b"], text=[1, 2])
    recipe = program.write_recipe(tmp_path, tmp_path / "in")
    refused(cli("run", recipe), 3, "column 'text' is int64", "expected string")


def test_repeated_ids_are_named_with_their_places(cli: Cli, tmp_path: Path) -> None:
    write_shard(tmp_path / "in/part-0.parquet", ids=["a", "b"])
    write_shard(tmp_path / "in/part-1.parquet", ids=["c", "b"])
    recipe = program.write_recipe(tmp_path, tmp_path / "in")
    refused(
        cli("run", recipe, "--workers", "1"),
        3,
        "1 document id(s) occur more than once",
        "b at part-0.parquet:1 and part-1.parquet:1",
        "unique",
    )


def test_null_ids_are_named_with_their_place(cli: Cli, tmp_path: Path) -> None:
    write_shard(tmp_path / "in/part-0.parquet", ids=["a", None, "c"])
    recipe = program.write_recipe(tmp_path, tmp_path / "in")
    refused(cli("run", recipe, "--workers", "1"), 3, "part-0.parquet:1", "'id' is NULL")


@pytest.fixture
def broken(tmp_path: Path, shards: Path) -> Path:
    """The shards, by hard links, so that one can be broken."""
    folder = tmp_path / "input"
    folder.mkdir()
    for path in shards.glob("*.parquet"):
        os.link(path, folder / path.name)
    return folder


def break_shard(path: Path, how: str) -> None:
    data = path.read_bytes()
    path.unlink()
    if how == "truncated":
        path.write_bytes(data[: len(data) // 2])
    elif how == "zero-bytes":
        path.write_bytes(b"")
    else:
        middle = len(data) // 2
        path.write_bytes(data[:64] + b"\xff" * (middle - 64) + data[middle:])


@pytest.mark.parametrize("how", ["truncated", "zero-bytes", "damaged-pages"])
def test_an_unreadable_shard_stops_the_run_and_keeps_the_others(
    how: str, cli: Cli, tmp_path: Path, broken: Path, shards: Path, undisturbed: Path
) -> None:
    recipe = program.write_recipe(tmp_path, broken)
    out = tmp_path / "out"
    break_shard(broken / "part-1.parquet", how)
    refused(
        cli("run", recipe, "--workers", "1"), 5, "part-1.parquet", "run again to resume", "unreadable: skip"
    )
    done = program.finished_work(out)
    assert len(program.receipts(out, "documents-*")) == program.SHARDS - 1

    (broken / "part-1.parquet").unlink()
    os.link(shards / "part-1.parquet", broken / "part-1.parquet")
    ended = cli("run", recipe, "--workers", "1")
    assert ended.code == 0, ended.err
    assert program.contents(out, ["ledger"]) == program.contents(undisturbed, ["ledger"])
    latest = max((out / "data").iterdir())
    assert program.contents(latest, ["."]) == program.contents(undisturbed / "data/r1", ["."])
    after = program.finished_work(out)
    assert {path: after[path] for path in done} == done


@pytest.mark.parametrize("how", ["truncated", "zero-bytes", "damaged-pages"])
def test_an_unreadable_shard_can_be_left_out(how: str, cli: Cli, tmp_path: Path, broken: Path) -> None:
    recipe = program.write_recipe(tmp_path, broken)
    content = yaml.safe_load(recipe.read_text())
    content["input"]["unreadable"] = "skip"
    recipe.write_text(yaml.safe_dump(content))
    break_shard(broken / "part-1.parquet", how)
    ended = cli("run", recipe, "--workers", "1", "--json")
    assert ended.code == 0, ended.err
    assert "part-1.parquet" in ended.err
    record = yaml.safe_load(ended.out)
    (data,) = (path for path in (tmp_path / "out/data").iterdir() if any(path.iterdir()))
    assert data.name == record["run_id"]
    assert sorted(path.name for path in data.iterdir()) == [f"part-{number}.parquet" for number in (0, 2, 3)]
    (left_out,) = program.manifest(tmp_path / "out", record["run_id"])["input"]["unreadable"]
    assert left_out["shard"] == "part-1.parquet"
    assert record["documents_in"] == record["kept"] + record["removed"] + record["errored"]


# The recipe and the flags


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"inputs": {}}, ["unknown key 'inputs'", "Did you mean 'input'"]),
        ({"input": {"path": "x", "txet": "text"}}, ["unknown key 'txet'", "Did you mean 'text'"]),
        ({"steps": [{"near_dedupe": {}}]}, ["unknown step 'near_dedupe'", "Did you mean 'near_dedup'"]),
        ({"steps": [{"near_dedup": {"preset": "fineweeb"}}]}, ["unknown preset", "Did you mean 'fineweb'"]),
        ({"steps": [{"exact_dedup": {"keeep": "first"}}]}, ["unknown key 'keeep'", "Did you mean 'keep'?"]),
        (
            {"steps": [{"filter": {"profile": "gopher-em"}}]},
            ["no profile 'gopher-em'", "Did you mean 'gopher-en'"],
        ),
        (
            {"steps": [{"filter": {"profile": "gopher-en", "bounds": {"word_cont": {"min": 1}}}}]},
            ["There is no signal 'word_cont'", "Did you mean 'word_count'"],
        ),
        (
            {
                "steps": [
                    {"filter": {"profile": "gopher-en", "when": {"script": "hann"}, "otherwise": "keep"}}
                ]
            },
            ["unknown script 'hann'", "Did you mean 'han'"],
        ),
        ({"steps": [{"filter": {"profile": "gopher-en", "when": {"script": "han"}}}]}, ["otherwise"]),
        ({"steps": []}, ["steps"]),
    ],
)
def test_a_wrong_recipe(
    changes: dict[str, Any], words: list[str], cli: Cli, tmp_path: Path, few: Path
) -> None:
    recipe = program.write_recipe(tmp_path, few, **changes)
    refused(cli("run", recipe), 2, "recipe.yaml", *words)
    assert not (tmp_path / "out").exists()


def test_no_recipe(cli: Cli, tmp_path: Path) -> None:
    refused(cli("run", tmp_path / "recipe.yaml"), 2, "no such file", "datagov init")


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--workers", "0"], ["--workers 0", "at least one"]),
        (["--part", "3/2"], ["--part 3/2", "I/N"]),
        (["--part", "0/2"], ["--part 0/2"]),
        (["--sample", "0"], ["--sample 0"]),
        (["--executor", "spark"], ["unknown executor 'spark'", "local, ray"]),
        (["--address", "here:6379"], ["--executor ray"]),
        (["--set", "filter/mean_word_lenght.min=2"], ["mean_word_lenght", "Did you mean 'mean_word_length'"]),
        (["--set", "fliter/word_count.min=2"], ["no step 'fliter'", "Did you mean 'filter'?"]),
        (["--set", "nonsense"], ["STEP/SIGNAL.min=VALUE"]),
    ],
)
def test_a_wrong_flag_leaves_a_folder_that_can_be_used(
    flags: list[str], words: list[str], cli: Cli, tmp_path: Path, few: Path
) -> None:
    recipe = program.write_recipe(tmp_path, few)
    refused(cli("run", recipe, *flags), 2, *words)
    assert cli("plan", recipe).code == 0
    assert not (tmp_path / "out/datagov.json").exists()


def test_an_unknown_flag_and_an_unknown_command(cli: Cli, tmp_path: Path) -> None:
    assert cli("run", "x.yaml", "--no-such-flag").code == 2
    assert cli("rum").code == 2


def test_an_unknown_rule_in_an_audit(cli: Cli, undisturbed: Path) -> None:
    refused(cli("sample", "--removed-by", "near_dedupe", "--ledger", undisturbed), 2, "'near_dedup'")
    refused(cli("rules", "word_cuont"), 2, "word_cuont", "Did you mean 'word_count'")
    refused(cli("audit", "funel", "--ledger", undisturbed), 2, "funel", "Did you mean 'funnel'")


# The output folder


def test_the_output_of_another_dataset(cli: Cli, tmp_path: Path, few: Path) -> None:
    assert cli("run", program.write_recipe(tmp_path, few), "--workers", "1").code == 0
    other = program.write_recipe(tmp_path, few, dataset="another")
    refused(cli("run", other), 2, "belongs to another dataset", "'faults'", "'another'", "--output")


def test_the_output_of_another_input(cli: Cli, tmp_path: Path, few: Path) -> None:
    recipe = program.write_recipe(tmp_path, few)
    assert cli("run", recipe, "--workers", "1").code == 0
    write_shard(tmp_path / "others/part-0.parquet", ids=["z"])
    refused(cli("run", recipe, "--input", tmp_path / "others"), 2, "belongs to another input", "others")


def test_an_output_folder_with_other_peoples_files(cli: Cli, tmp_path: Path, few: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/thesis.tex").write_text("years of work")
    refused(cli("run", program.write_recipe(tmp_path, few)), 2, "not a datagov output")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["thesis.tex"]


def test_an_output_that_is_a_file(cli: Cli, tmp_path: Path, few: Path) -> None:
    (tmp_path / "out").write_text("a file")
    refused(cli("run", program.write_recipe(tmp_path, few)), 2, "is a file, expected a folder")


def test_an_output_inside_the_input(cli: Cli, tmp_path: Path, few: Path) -> None:
    recipe = program.write_recipe(tmp_path, few, output=str(few / "out"))
    refused(cli("run", recipe), 2, "inside the input")
    assert not (few / "out").exists()


def test_an_output_that_cannot_be_written(cli: Cli, tmp_path: Path, few: Path) -> None:
    # Not even root may make folders in /proc.
    recipe = program.write_recipe(tmp_path, few, output="/proc/datagov-out")
    refused(cli("run", recipe), 2, "cannot be written", "/proc/datagov-out")


def test_an_output_folder_without_permission(cli: Cli, tmp_path: Path, few: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere; /proc is tested instead")
    (tmp_path / "closed").mkdir(mode=0o500)
    recipe = program.write_recipe(tmp_path, few, output=str(tmp_path / "closed/out"))
    refused(cli("run", recipe), 2, "cannot be written", "Permission denied")


@pytest.mark.slow
def test_two_runs_in_one_folder_are_refused_and_the_first_is_not_disturbed(
    cli: Cli, recipe: Path, undisturbed: Path
) -> None:
    process = program.start("run", recipe, "--workers", "1")
    program.wait_for(lambda: program.receipts(recipe.parent / "out", "documents-*"), process)
    os.killpg(process.pid, signal.SIGSTOP)
    time.sleep(0.05)
    try:
        refused(cli("run", recipe, "--workers", "1"), 2, "another run is at work")
    finally:
        os.killpg(process.pid, signal.SIGCONT)
    ended = program.end(process)
    assert ended.code == 0, ended.err
    program.assert_same_output(recipe.parent / "out", undisturbed)


def test_shares_of_a_job_array_then_the_rest(cli: Cli, recipe: Path, undisturbed: Path) -> None:
    for share in ("1/2", "2/2"):
        assert cli("run", recipe, "--workers", "1", "--part", share).code == 0
    done = program.finished_work(recipe.parent / "out")
    assert cli("run", recipe, "--workers", "1").code == 0
    program.assert_same_output(recipe.parent / "out", undisturbed)
    after = program.finished_work(recipe.parent / "out")
    assert {path: after[path] for path in done} == done


# The disk


@pytest.mark.slow
@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_disk_that_takes_no_more_bytes(workers: str, recipe: Path, undisturbed: Path) -> None:
    biggest = max(path.stat().st_size for path in (undisturbed / "data").rglob("*.parquet"))
    process = program.start("run", recipe, "--workers", workers)
    # The kernel refuses every write past this size, to the workers that come after as well.
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (biggest - 1, biggest - 1))
    ended = program.end(process)
    refused(ended, 5, "cannot write", os.strerror(errno.EFBIG), "run again to resume")
    resumed(recipe, undisturbed)


@pytest.mark.slow
@pytest.mark.parametrize(
    "place", [r"/ledger/keys/", r"/receipts/screen-", r"/work/gather/", r"/data/r1/", r"/runs/\.r1.*tmp$"]
)
def test_a_disk_without_space_for_another_file(place: str, recipe: Path, undisturbed: Path) -> None:
    fault = {"event": "open", "path": rf"{place}.*\.tmp$", "action": "full"}
    if "runs" in place:
        fault = {"event": "open", "path": place, "action": "full", "skip": 1}
    ended = program.run("run", recipe, "--workers", "1", fault=fault)
    refused(ended, 5, "cannot write", os.strerror(errno.ENOSPC), "run again to resume")
    resumed(recipe, undisturbed)


@pytest.mark.slow
def test_a_disk_that_is_full_when_the_file_gets_its_name(recipe: Path, undisturbed: Path) -> None:
    fault = {"event": "os.link", "path": r"/ledger/decisions/", "action": "full"}
    ended = program.run("run", recipe, "--workers", "1", fault=fault)
    refused(ended, 5, "cannot write", os.strerror(errno.ENOSPC))
    resumed(recipe, undisturbed)


def resumed(recipe: Path, undisturbed: Path) -> None:
    """Assert that the run, once there is room, continues to the undisturbed output."""
    out = recipe.parent / "out"
    assert not [path for path in out.rglob("*") if program.is_temporary(path)]
    done = program.finished_work(out)
    program.run_again(recipe)
    program.assert_same_output(out, undisturbed)
    after = program.finished_work(out)
    assert {path: after[path] for path in done} == done
