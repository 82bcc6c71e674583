"""Families of users: found by module and attribute, and refused with a reason where something is wrong."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from importlib import invalidate_caches
from importlib.metadata import EntryPoint
from pathlib import Path

import pyarrow as pa
import pytest

from datagov import signals
from datagov.errors import ConfigError
from datagov.profiles import load_profile
from datagov.signals.imported import measured
from datagov.text.batch import TextBatch

FAMILY = '''
import pyarrow as pa
import pyarrow.compute as pc

from datagov.rule import RuleInfo, SignalFamily


def measure(batch, params):
    """Count question marks."""
    marks = pc.count_substring(batch.texts, params["mark"]).cast(pa.int64())
    return pa.RecordBatch.from_pydict({"marks": marks, "chars": pa.array(batch.chars)})


RULE = RuleInfo(
    name="question_fraction",
    numerator="marks",
    denominator="chars",
    unit="question marks over characters",
    formula="Question marks over characters.",
    value_range=(0.0, 1.0),
    null_when="no character",
    source="made for the tests",
)
QUESTIONS = SignalFamily("questions", 1, measure, (RULE,), defaults={"mark": "?"})
'''

Write = Callable[..., str]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Write a module of its own name into `tmp_path`, and return the name."""
    monkeypatch.setattr(sys, "path", [*sys.path])

    def write(text: str, name: str) -> str:
        (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
        monkeypatch.delitem(sys.modules, name, raising=False)
        invalidate_caches()
        return name

    return write


def texts(*given: str) -> TextBatch:
    return TextBatch(pa.array(given, pa.large_string()))


def test_a_family_is_found_beside_the_recipe(write: Write, tmp_path: Path) -> None:
    name = write(FAMILY, "found_rules")
    family = signals.family(f"{name}:QUESTIONS", beside=str(tmp_path))
    assert (family.id, family.columns) == ("questions@1", ["marks", "chars"])
    assert family.origin is not None
    assert (family.origin.path, len(family.origin.source)) == ("found_rules:QUESTIONS", 32)
    counts = measured(family, texts("a?", ""), family.defaults)
    assert counts.to_pydict() == {"marks": [1, 0], "chars": [2, 0]}


def test_the_digest_follows_the_source(write: Write, tmp_path: Path) -> None:
    digests = []
    for text in (FAMILY, FAMILY, FAMILY + "# another\n"):
        name = write(text, "digest_rules")
        origin = signals.family(f"{name}:QUESTIONS", beside=str(tmp_path)).origin
        assert origin is not None
        digests.append(origin.source)
    assert digests[0] == digests[1] != digests[2]


@pytest.mark.parametrize(
    ("change", "attribute", "message"),
    [
        ((), "QUESTION", "'QUESTION' is not there. Did you mean 'QUESTIONS'"),
        ((), "RULE", "'RULE' is RuleInfo, not a SignalFamily. Known: QUESTIONS"),
        (
            ("import pyarrow as pa", "import pyarow as pa"),
            "QUESTIONS",
            "cannot be imported: No module named 'pyarow'",
        ),
        (("QUESTIONS =", "1 / 0\nQUESTIONS ="), "QUESTIONS", "ZeroDivisionError: division by zero ("),
        (('"questions", 1', '"Questions!", 1'), "QUESTIONS", "must be of a-z, 0-9 and _"),
        (('"questions", 1', '"questions", 0'), "QUESTIONS", "version 0 must be a whole number"),
        (("(RULE,)", "[RULE]"), "QUESTIONS", "rules must be a tuple of RuleInfo"),
        (("(RULE,)", "()"), "QUESTIONS", "has no rules"),
        (("(RULE,)", "(RULE, RULE)"), "QUESTIONS", "two rules are called 'question_fraction'"),
        (('"questions", 1', '"words", 1'), "QUESTIONS", "there is a family 'words@1' already"),
        (
            ('name="question_fraction"', 'name="word_count"'),
            "QUESTIONS",
            "'words@1' has a rule 'word_count' already",
        ),
    ],
)
def test_what_is_no_family_is_refused(
    write: Write,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    change: tuple[str, str],
    attribute: str,
    message: str,
) -> None:
    name = write(
        FAMILY.replace(*change) if change else FAMILY,
        "refused_" + re.sub(r"\W", "_", request.node.callspec.id)[:20],
    )
    with pytest.raises(ConfigError) as caught:
        signals.family(f"{name}:{attribute}", beside=str(tmp_path))
    assert caught.value.message.startswith(f"{name}:{attribute}: ")
    assert message in caught.value.message


def test_a_module_that_is_not_there_says_where_it_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match=f"no module 'no_such_rules' that is installed, on PYTHONPATH or in {tmp_path}"
    ):
        signals.family("no_such_rules:FAMILY", beside=str(tmp_path))
    with pytest.raises(ConfigError, match="expected module:attribute"):
        signals.family("my rules:FAMILY")


MARKS = 'pa.RecordBatch.from_pydict({"marks": marks, "chars": pa.array(batch.chars)})'


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        (f"{MARKS}.slice(1)", "returned 1 rows for 2 documents"),
        ('{"marks": marks}', "returned dict, expected a pyarrow.RecordBatch"),
        (
            'pa.RecordBatch.from_pydict({"marks": marks})',
            "column 'chars', of which a rule speaks, was not returned",
        ),
        (MARKS.replace('"chars"', '"charz"'), "no rule speaks of column 'charz'. Did you mean 'chars'"),
        (
            MARKS.replace('"marks": marks', '"marks": marks.cast(pa.float64())'),
            "column 'marks' is double, expected int64",
        ),
        ('params["colour"]', "measure raised KeyError: 'colour' ("),
    ],
)
def test_a_table_that_is_not_as_declared_is_refused(
    write: Write, tmp_path: Path, request: pytest.FixtureRequest, returned: str, message: str
) -> None:
    name = write(
        FAMILY.replace(MARKS, returned), "table_" + re.sub(r"\W", "_", request.node.callspec.id)[:20]
    )
    family = signals.family(f"{name}:QUESTIONS", beside=str(tmp_path))
    with pytest.raises(ConfigError) as caught:
        measured(family, texts("a?", "b"), family.defaults)
    assert caught.value.message.startswith(f"{name}:QUESTIONS: ")
    assert message in caught.value.message


@pytest.fixture
def packaged(write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Install a package that adds the family by an entry point; return the module's name."""
    name = write(FAMILY, "packaged_rules")
    info = tmp_path / "packaged_rules-2.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: packaged-rules\nVersion: 2.0\n")
    (info / "entry_points.txt").write_text(
        "[datagov.signals]\nquestions = packaged_rules:QUESTIONS\nmisnamed = packaged_rules:QUESTIONS\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    return name


def test_an_installed_package_adds_families(packaged: str) -> None:
    family = signals.family("questions")
    assert family.origin is not None
    assert family.origin.path == f"{packaged}:QUESTIONS"
    assert signals.family("questions@1").origin == family.origin
    assert signals.family_of_rule("questions/question_fraction")[1].name == "question_fraction"
    assert signals.imported.installed()["questions"] == EntryPoint(
        "questions", "packaged_rules:QUESTIONS", "datagov.signals"
    )
    with pytest.raises(ConfigError, match="'questions@2' is not of this release"):
        signals.family("questions@2")
    with pytest.raises(ConfigError, match="is called 'questions', its entry point 'misnamed'"):
        signals.family("misnamed")
    with pytest.raises(ConfigError, match="Did you mean 'questions'"):
        signals.family("question")


PROFILE = """
profile: mine
version: 1
title: Mine
sources: {me: my own}
not_included: []
params: {questions: {mark: "!"}}
signals:
  - {family: "profile_rules:QUESTIONS", source: "me, here"}
bounds:
  - {signal: question_fraction, max: {quantile: 0.9}, missing: keep, source: "me, here"}
  - {signal: questions/question_fraction_2, max: 3, missing: keep, source: "me, here"}
where:
  - {name: asks, sql: "question_fraction < 0.5 OR words.word_count > 9", missing: keep, source: "me, here"}
"""


def test_a_profile_speaks_of_families_quantiles_and_conditions(write: Write, tmp_path: Path) -> None:
    write(FAMILY, "profile_rules")
    path = tmp_path / "mine.yaml"
    path.write_text(PROFILE)
    with pytest.raises(ConfigError, match=r"bounds\[1\].signal: There is no signal 'question_fraction_2'"):
        load_profile(path, beside=str(tmp_path))
    path.write_text("\n".join(line for line in PROFILE.splitlines() if "fraction_2" not in line))
    profile = load_profile(path, beside=str(tmp_path))
    assert dict(profile.families) == {"questions@1": {"mark": "!"}, "words@1": {}}
    assert [str(bound.max) for bound in profile.bounds] == ["quantile 0.9"]
    (condition,) = profile.conditions
    assert (condition.name, condition.missing, condition.source) == ("asks", "keep", "my own, here")
    assert condition.sql == "question_fraction < 0.5 OR word_count > 9"
    for old, new, message in (
        ('missing: keep, source: "me, here"}\n', 'source: "me, here"}\n', "missing"),
        ("OR words.word_count", "OR words.word_cuont", "Did you mean 'word_count'"),
        ("name: asks", "nmae: asks", "Did you mean 'name'"),
    ):
        path.write_text(
            PROFILE.split("bounds:", maxsplit=1)[0]
            + "bounds: []\nwhere:"
            + PROFILE.split("where:")[1].replace(old, new)
        )
        with pytest.raises(ConfigError, match=message):
            load_profile(path, beside=str(tmp_path))
