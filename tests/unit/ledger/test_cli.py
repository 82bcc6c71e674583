# ruff: noqa: S608 - the statements are those of the test
from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest
from ledger_builder import doc_id
from ledger_example import HOSTILE_ID
from lexicon_made import write

from datagov import cli, doctor, terminal
from datagov.errors import PartialRun
from datagov.ledger.queries import queries

if TYPE_CHECKING:
    import typer

Run = Callable[..., tuple[int, str, str]]
HEAVY = {"pyarrow", "duckdb", "numba", "numpy", "ray", "torch", "transformers", "pydantic", "rich", "rjieba"}
ARGUMENTS = {
    "removed_by": ["word_count"],
    "distribution": ["filter-1/word_count"],
    "curve": ["filter-1/word_count"],
    "near_bound": ["filter-1/word_count"],
}
EVERY_DOCUMENT = [
    "en-1",
    "en-2",
    "en-3",
    "en-4",
    "en-5",
    "en-6",
    "en-7",
    "en-short",
    "zh-1",
    "zh-2",
    HOSTILE_ID,
]


def program(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "datagov", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, **more},
    )


def test_help_loads_nothing_heavy() -> None:
    script = "import sys\nfrom datagov.cli import main\nmain(['--help'])\nprint(sorted(sys.modules), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert "explain" in done.stdout
    loaded = set(done.stderr.replace("'", " ").replace(",", " ").split())
    assert not HEAVY & loaded


def test_help_is_quick() -> None:
    """In processor time: what else the machine does is not the program's doing. `make bench` takes the clock."""
    seconds = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert program("--help").returncode == 0
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert min(seconds) < 0.5


@pytest.mark.parametrize("command", ["explain", "audit", "sample", "diff", "rules", "doctor", "dedup"])
def test_every_command_has_help(datagov: Run, command: str) -> None:
    code, text, _ = datagov(command, "--help")
    assert code == 0
    assert "Usage: datagov" in text


def test_version(datagov: Run) -> None:
    code, text, _ = datagov("--version")
    assert (code, text) == (0, "0.1.0\n")


@pytest.mark.parametrize("document", EVERY_DOCUMENT)
@pytest.mark.parametrize("as_json", [False, True])
def test_explain_prints_every_kind_of_document(datagov: Run, r1: str, document: str, as_json: bool) -> None:
    code, text, _ = datagov("explain", document, "--ledger", r1, *(["--json"] if as_json else []))
    assert code == 0
    assert "\x1b" not in text
    assert "\u202e" not in text
    if as_json:
        told = json.loads(text)
        assert told["document"]["id"] == document
        assert len(told["document"]["doc_id"]) == 32


def test_explain_in_words(datagov: Run, r1: str) -> None:
    _, short, _ = datagov("explain", "en-short", "--ledger", r1)
    assert f"{doc_id('short').hex}: REMOVED at filter-1: word_count = 3 < min 5, and 1 more" in short
    assert "not reached" in short
    _, near, _ = datagov("explain", "en-3", "--ledger", r1)
    assert f"Jaccard 0.8 >= 0.7 with {doc_id('original').hex}\n" in near
    _, copy, _ = datagov("explain", "en-4", "--ledger", r1)
    assert f"REMOVED at exact_dedup: the same as {doc_id('near').hex}\n" in copy
    assert f"survivor  {doc_id('original').hex} id en-1 (en/part-00000.parquet row 0), kept" in copy
    _, orphan, _ = datagov("explain", "en-5", "--ledger", r1)
    assert "ORPHANED" in orphan
    _, error, _ = datagov("explain", "en-7", "--ledger", r1)
    assert "SET ASIDE (null_text)" in error
    assert "  set aside null_text: text is NULL\n" in error


def test_explain_on_a_terminal_gives_each_source_once(
    datagov: Run, r1: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, piped, _ = datagov("explain", "en-short", "--ledger", r1)
    assert piped.count("Gopher, A1.1") == 2
    monkeypatch.setattr(terminal, "is_terminal", lambda: True)
    _, text, _ = datagov("explain", "en-short", "--ledger", r1)
    assert text.count("Gopher, A1.1") == 1
    assert text.count("[1]") == 3


def test_exit_codes(datagov: Run, r1: str, tmp_path: Path) -> None:
    assert datagov("explain", "nothing", "--ledger", r1)[0] == 1
    assert datagov("explain", "same-id", "--ledger", r1)[0] == 2
    assert datagov("explain", "en-1", "--ledger", str(tmp_path))[0] == 2
    assert datagov("audit", "funel", "--ledger", r1)[0] == 2
    assert datagov("audit", "sql", "DROP VIEW documents", "--ledger", r1)[0] == 2
    assert datagov("sample", "--ledger", r1)[0] == 2
    assert datagov("sample", "--kept", "--input", str(tmp_path / "x"), "--ledger", r1)[0] == 3
    assert datagov("nonsense")[0] == 2
    assert datagov("explain")[0] == 2
    assert datagov("audit", "funnel", "--limit", "0")[0] == 2


def test_errors_go_to_stderr_and_are_safe(datagov: Run, r1: str) -> None:
    code, text, errors = datagov("explain", "\x1b[31mx\u202e", "--ledger", r1)
    assert (code, text) == (1, "")
    assert "\x1b" not in errors
    assert "\u202e" not in errors
    assert "datagov: No document" in errors


@pytest.mark.parametrize("name", sorted(queries()))
@pytest.mark.parametrize("as_json", [False, True])
def test_audit_prints_every_query(datagov: Run, r1: str, name: str, as_json: bool) -> None:
    arguments = ARGUMENTS.get(name, [])
    code, text, errors = datagov("audit", name, *arguments, "--ledger", r1, *(["--json"] if as_json else []))
    assert code == 0
    assert "\x1b" not in text
    assert errors.startswith("r1 of test, recipe ")
    if as_json:
        found = json.loads(text)
        assert found["total"] == len(found["rows"])
        assert (found["query"], found["run_id"], found["truncated"]) == (name, "r1", False)
        assert all(list(row) == found["columns"] for row in found["rows"])
    else:
        assert "\t" in text or name == "warnings"


def test_audit_lists_its_queries(datagov: Run) -> None:
    code, text, _ = datagov("audit", "--list", "--json")
    assert code == 0
    assert {query["name"] for query in json.loads(text)} == set(queries())
    assert datagov("audit")[1].startswith("query\tparameters\tanswers\n")


def test_audit_sql(datagov: Run, r1: str) -> None:
    sql = "SELECT id, doc_id FROM documents WHERE id = 'en-1'"
    code, text, _ = datagov("audit", "sql", sql, "--ledger", r1)
    assert (code, text) == (0, f"id\tdoc_id\nen-1\t{doc_id('original').hex}\n")
    code, text, errors = datagov(
        "audit", "sql", "SELECT * FROM documents", "--ledger", r1, "--limit", "2", "--json"
    )
    assert (code, len(json.loads(text)["rows"]), json.loads(text)["truncated"]) == (0, 2, True)
    assert "Only the first 2 rows are shown: there are more" in errors
    assert json.loads(text)["total"] is None


@pytest.mark.parametrize("limit", [["limit=1"], ["--limit", "1"]])
@pytest.mark.parametrize(("query", "total"), [("removed_by", 3), ("cross_source_pairs", 2)])
def test_a_limit_that_cuts_is_told(datagov: Run, r1: str, query: str, total: int, limit: list[str]) -> None:
    arguments = ["audit", query, *ARGUMENTS.get(query, []), *limit, "--ledger", r1]
    code, text, errors = datagov(*arguments, "--json")
    found = json.loads(text)
    assert (code, len(found["rows"]), found["truncated"], found["total"]) == (0, 1, True, total)
    assert f"Only the first 1 of {total} rows are shown" in errors


def test_a_limit_wide_enough_says_nothing(datagov: Run, r1: str) -> None:
    _, text, errors = datagov("audit", "cross_source_pairs", "--limit", "2", "--ledger", r1, "--json")
    assert (json.loads(text)["truncated"], json.loads(text)["total"]) == (False, 2)
    assert "Only the first" not in errors


def test_a_limit_shortens_queries_without_one_and_hides_no_finding(datagov: Run, r1: str) -> None:
    code, text, errors = datagov("audit", "funnel", "--limit", "2", "--ledger", r1, "--json")
    assert (code, [row["step"] for row in json.loads(text)["rows"]]) == (0, ["input", "normalise"])
    assert (json.loads(text)["truncated"], json.loads(text)["total"]) == (True, 6)
    assert "Only the first 2 of 6 rows" in errors


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["limit=0"], "whole number from 1 on"),
        (["limit=2", "--limit", "2"], "given twice"),
        ([f"limit={2**70}"], "whole number from 1 on"),
    ],
)
def test_limits_that_are_refused(datagov: Run, r1: str, arguments: list[str], message: str) -> None:
    code, text, errors = datagov("audit", "removed_by", "word_count", *arguments, "--ledger", r1)
    assert (code, text) == (2, "")
    assert message in errors


def test_documents_set_aside_are_called_so_in_tables(datagov: Run, r1: str) -> None:
    for query in ("funnel", "by_source"):
        _, text, _ = datagov("audit", query, "--ledger", r1)
        assert "\tset aside\t" in text
        assert "errored" not in text
        columns = json.loads(datagov("audit", query, "--ledger", r1, "--json")[1])["columns"]
        assert "errored" in columns


def test_a_named_query_on_a_terminal_puts_the_own_id_first(
    datagov: Run, r1: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(terminal, "is_terminal", lambda: True)
    _, text, _ = datagov("audit", "cross_source_pairs", "--ledger", r1)
    short = doc_id("near").hex[:12]
    assert "id" in text.splitlines()[0].split()[0]
    assert short in text
    assert doc_id("near").hex not in text
    monkeypatch.undo()
    _, told, _ = datagov("explain", short, "--ledger", r1)
    assert told.startswith(doc_id("near").hex)


def test_a_ledger_of_other_columns_is_told_in_words(datagov: Run, out: Path, tmp_path: Path) -> None:
    old = tmp_path / "old"
    shutil.copytree(out, old)
    for path in old.glob("ledger/decisions/r1/*.parquet"):
        pq.write_table(pq.read_table(path).drop_columns("reasons"), path)
    code, _, errors = datagov("audit", "funnel", "--ledger", f"{old}@r1")
    assert code == 1
    assert "not those of this datagov" in errors


def test_hostile_text_reaches_no_terminal(datagov: Run, r1: str) -> None:
    for arguments in (
        ("sample", "--removed-by", "filter-1"),
        ("sample", "--removed-by", "filter-1", "--json"),
        ("audit", "by_source"),
        ("audit", "by_source", "--json"),
        ("audit", "warnings"),
        ("audit", "removed_by", "word_count"),
        ("audit", "sql", "SELECT chr(27) || '[31m', id, source FROM documents"),
        ("diff", r1, r1.replace("@r1", "@r2")),
    ):
        more = () if arguments[0] == "diff" else ("--ledger", r1)
        code, text, errors = datagov(*arguments, *more)
        assert code == 0, errors
        assert not set("\x1b\x9b\x07\u202e") & set(text + errors), arguments


def test_sample_in_words(datagov: Run, r1: str) -> None:
    code, text, errors = datagov("sample", "--removed-by", "filter-1", "-n", "5", "--ledger", r1)
    assert code == 0
    assert "  | a b c\n" in text
    assert r"  | \x1b[2J\x9b31m清\u202e tiny\ttab" in text
    assert "  | second\n" in text
    assert "2 of 2 documents" in errors
    assert errors.startswith("r1 of test, recipe ")


def test_sample_shortens_texts_and_says_so(datagov: Run, r1: str) -> None:
    arguments = ("sample", "--removed-by", "near_dedup", "--ledger", r1, "--json")
    _, text, _ = datagov(*arguments, "--chars", "3")
    assert json.loads(text)["documents"][0]["text"] == "the [... 52 more characters]"
    _, text, _ = datagov(*arguments, "--chars", "0")
    assert json.loads(text)["documents"][0]["text"].endswith("twice")


def test_diff_in_words_and_json(datagov: Run, r1: str) -> None:
    r2 = r1.replace("@r1", "@r2")
    code, text, _ = datagov("diff", r1, r2)
    assert code == 0
    assert "  steps.filter-1.bounds.word_count.min\t5\t2\n" in text
    assert "removed -> kept: 1 documents; a document counts at each bound it crossed\n" in text
    assert "  filter-1\tmean_word_length min\t1\tweb 1\n" in text
    assert "  set aside\t1\t1\t0\n" in text
    assert "examples" not in text
    code, text, _ = datagov("diff", r1, r2, "--all")
    assert "removed at filter-1 (mean_word_length min, word_count min)\tkept\t1" in text
    assert "examples" in text
    code, text, _ = datagov("diff", r1, r2, "--json")
    assert json.loads(text)["documents"]["flipped"] == 1
    assert len(json.loads(text)["examples"]) == 1


def test_rules_lists_and_explains(datagov: Run) -> None:
    code, text, _ = datagov("rules")
    assert code == 0
    assert "gopher-en\t" in text
    assert "\tword_count\t" in text
    for name in ("gopher-en", "fineweb2-zh", "words", "words@1", "word_count", "words/word_count"):
        code, text, errors = datagov("rules", name)
        assert (code, errors) == (0, ""), name
        assert datagov("rules", name, "--json")[0] == 0
    assert "measured: sentences@1 (RedPajama-V2" in datagov("rules", "redpajama-v2")[1]
    overview = json.loads(datagov("rules", "--json")[1])
    assert {"profiles", "families", "installed"} == set(overview)
    code, _, errors = datagov("rules", "gopher-on")
    assert code == 2
    assert "Did you mean 'gopher-en'" in errors
    assert "'datagov rules' lists them all" in datagov("rules", "nope")[2]


def test_a_family_that_reads_a_file_is_checked_with_one(datagov: Run, tmp_path: Path) -> None:
    lexicon = str(write(tmp_path / "made.json", ("the", "insult")))
    code, text, _ = datagov("rules", "terms", "--check", "--file", f"lexicon={lexicon}", "--json")
    assert (code, set(json.loads(text)["checks"].values())) == (0, {None})
    for arguments, wrong in (
        (("terms", "--check"), "'terms@1' reads a file: add --file lexicon=PATH."),
        (("terms", "--check", "--file", "model=x"), "no such file. It reads lexicon."),
        (("words", "--check", "--file", "model=x"), "no such file. It reads none."),
        (("terms", "--check", "--file", "lexicon=nowhere"), "there is no file 'nowhere'"),
        (("terms", "--file", f"lexicon={lexicon}"), "--file goes with --check."),
        (("terms", "--check", "--file", f"lexicon={os.devnull}"), "not JSON"),
    ):
        code, _, errors = datagov("rules", *arguments)
        assert (code, wrong in errors) == (2, True), errors


def test_dedup_curve(datagov: Run) -> None:
    code, text, _ = datagov("dedup", "curve", "--preset", "fineweb", "--json")
    found = json.loads(text)[0]
    assert (code, found["bands"], found["rows"]) == (0, 14, 8)
    at = {point["jaccard"]: point["found"] for point in found["curve"]}
    assert at[0.8] == pytest.approx(1 - (1 - 0.8**8) ** 14)
    assert datagov("dedup", "curve")[0] == 0
    assert "9 bands x 13 rows" in datagov("dedup", "curve", "--bands", "9", "--rows", "13")[1]
    assert datagov("dedup", "curve", "--recall", "0.9", "--at", "0.8")[0] == 0
    for wrong in (
        ("--bands", "9"),
        ("--recall", "0.9"),
        ("--preset", "finweb"),
        ("--preset", "fineweb", "--bands", "2"),
    ):
        assert datagov("dedup", "curve", *wrong)[0] == 2


def test_doctor_on_this_machine(datagov: Run) -> None:
    _, text, _ = datagov("doctor", "--json")
    report = json.loads(text)
    assert report["machine"]["cpus"] >= 1
    assert report["machine"]["datagov"] == "0.1.0"
    assert datagov("doctor")[0] == (1 if report["findings"] else 0)


def test_doctor_finds_a_cache_that_cannot_be_written() -> None:
    done = program("doctor", "--json", NUMBA_CACHE_DIR="/proc/nowhere")
    assert done.returncode == 1
    assert any("NUMBA_CACHE_DIR" in finding for finding in json.loads(done.stdout)["findings"])


def test_doctor_reads_the_quota_of_a_container(monkeypatch: pytest.MonkeyPatch) -> None:
    values = {"cpu.max": "50000 100000", "memory.max": "1000000"}
    monkeypatch.setattr(doctor, "read_control", lambda name: values[name])
    assert doctor.usable_cpus() == 1
    assert doctor.memory_bytes() == 1_000_000
    assert any("memory" in finding for finding in doctor.examine()["findings"])


class Entry:
    """An installed package's entry point."""

    def __init__(self, name: str, load: Callable[[], object]) -> None:
        self.name, self.value, self.load = name, f"{name}:register", load


def plugin(app: typer.Typer) -> None:
    @app.command("partial")
    def partial() -> None:
        raise PartialRun("half done\x1b[31m")

    @app.command("interrupted")
    def interrupted() -> None:
        raise KeyboardInterrupt

    @app.command("pipe")
    def pipe() -> None:
        for _ in range(100_000):
            print("a line")


@pytest.fixture
def with_plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> object:
        raise ImportError("no such wing")

    entries = [Entry("wing", lambda: plugin), Entry("broken", broken)]
    monkeypatch.setattr(cli, "entry_points", lambda group: entries if group == "datagov.commands" else [])


def test_commands_of_other_packages_are_added(with_plugins: None, datagov: Run) -> None:
    code, _, errors = datagov("partial")
    assert code == 5
    assert r"half done\x1b[31m" in errors


def test_a_broken_package_takes_only_its_own_commands(with_plugins: None, datagov: Run) -> None:
    code, text, errors = datagov("--help")
    assert code == 0
    assert "explain" in text
    assert "broken:register could not be loaded" in errors


def test_an_interrupt_is_said_and_ends_with_130(with_plugins: None, datagov: Run) -> None:
    code, text, errors = datagov("interrupted")
    assert (code, text) == (130, "")
    assert errors.endswith("\ndatagov: interrupted.\n")


def test_a_closed_pipe_is_no_error(r1: str) -> None:
    command = (
        f"{sys.executable} -m datagov audit sql 'SELECT * FROM range(200000)' --limit 200000 --ledger \"$R\""
    )
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command} | head -n 1"],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "R": r1},
    )
    assert (done.returncode, done.stdout) == (0, "range\n")
    assert "Traceback" not in done.stderr
    assert "BrokenPipe" not in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [["audit", "funnel"], ["audit", "by_source", "--json"], ["explain", "en-1"], ["rules"], ["--help"]],
)
def test_a_full_disk_is_one_message(r1: str, arguments: list[str]) -> None:
    more = ["--ledger", r1] if arguments[0] in ("audit", "explain") else []
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "datagov", *arguments, *more],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
        )
    assert done.returncode == 1
    assert "No space left on device" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) <= 2
