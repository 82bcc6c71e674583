"""Shipped profiles are complete and cited; a wrong one is refused with file, key and a suggestion."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import pyarrow as pa
import pytest
import yaml

from datagov import policy, signals
from datagov.errors import ConfigError
from datagov.profiles import PROFILES, Profile, load_profile
from datagov.text.batch import TextBatch

GOOD = """
profile: mine
version: 1
title: Mine
sources: {me: My own paper}
params:
  lines: {short_line_chars: 10}
not_included: []
bounds:
  - {signal: words/word_count, min: 5, missing: keep, source: "me, section 1"}
  - {signal: short_line_fraction, max: 0.5, missing: drop, source: "me, section 2"}
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "mine.yaml"
    path.write_text(text, "utf-8")
    return path


def test_all_shipped_files_are_listed() -> None:
    shipped = sorted(
        f.name.removesuffix(".yaml") for f in files("datagov.profiles").iterdir() if f.name.endswith(".yaml")
    )
    assert shipped == sorted(PROFILES)


@pytest.mark.parametrize("name", PROFILES)
def test_every_bound_has_a_citation_that_resolves(name: str) -> None:
    content = yaml.safe_load((files("datagov.profiles") / f"{name}.yaml").read_text("utf-8"))
    profile = load_profile(name)
    assert profile.name == name
    assert len(profile.bounds) == len(content["bounds"])
    for bound, written in zip(profile.bounds, content["bounds"], strict=True):
        key, section = written["source"].split(",", 1)
        assert bound.source == f"{content['sources'][key]}, {section.strip()}"
    listed = [bound for entry in content.get("word_lists", {}).values() for bound in entry["bounds"]]
    cited = [*content["bounds"], *listed, *content.get("signals", [])]
    used = {written["source"].split(",", 1)[0] for written in cited}
    assert used == set(content["sources"])
    assert profile.not_included


@pytest.mark.parametrize("name", PROFILES)
def test_bounds_are_on_measured_signals_and_within_range(name: str) -> None:
    profile = load_profile(name)
    for bound in profile.bounds:
        family, rule = signals.family_of_rule(bound.signal)
        assert family.id in profile.families
        low, high = rule.value_range
        for limit in (bound.min, bound.max):
            assert limit is None or (limit >= low and (high is None or limit <= high))
    for family_id, params in profile.families.items():
        family = signals.family(family_id)
        assert set(params) == {*family.defaults, *family.required}


def limits(profile: Profile) -> dict[str, tuple[float | None, float | None]]:
    return {bound.signal: (bound.min, bound.max) for bound in profile.bounds}


def test_gopher_has_the_numbers_of_table_a1() -> None:
    bounds = limits(load_profile("gopher-en"))
    for n, limit in {2: 0.20, 3: 0.18, 4: 0.16}.items():
        assert bounds[f"top_{n}gram_chars_fraction"] == (None, limit)
    for n, limit in {5: 0.15, 6: 0.14, 7: 0.13, 8: 0.12, 9: 0.11, 10: 0.10}.items():
        assert bounds[f"duplicate_{n}gram_chars_fraction"] == (None, limit)
    assert bounds["word_count"] == (50, 100_000)
    assert bounds["mean_word_length"] == (3, 10)
    assert len(bounds) == 21


def test_fineweb2_zh_has_the_numbers_of_its_configuration() -> None:
    profile = load_profile("fineweb2-zh")
    bounds = limits(profile)
    for n, limit in {2: 0.256, 3: 0.201, 4: 0.171}.items():
        assert bounds[f"top_{n}gram_chars_fraction"] == (None, limit)
    for n, limit in {5: 0.198, 6: 0.182, 7: 0.167, 8: 0.154, 9: 0.14, 10: 0.127}.items():
        assert bounds[f"duplicate_{n}gram_chars_fraction"] == (None, limit)
    assert bounds["terminal_punctuation_line_fraction"] == (0.106, None)
    assert bounds["newlines_per_word"] == (None, 0.178)
    assert bounds["duplicate_line_fraction"] == (None, 0.287)
    assert len(profile.families["stop_words@1"]["words"]) == 22


def test_mapcc_and_its_compat_variant_differ_in_their_numerators_alone() -> None:
    fixed, compat = limits(load_profile("mapcc-zh")), limits(load_profile("mapcc-zh-compat"))
    assert fixed["char_count"] == (50, 10_000)
    assert fixed["mean_word_length"] == (1.3, 10)
    assert fixed["distinct_char_fraction"] == (0.1, None)
    for n, limit in {2: 0.20, 3: 0.18, 4: 0.16}.items():
        assert fixed[f"top_{n}char_fraction"] == (None, limit)
    for n in range(5, 11):
        assert fixed.pop(f"duplicate_{n}char_fraction") == (None, 0.6)
        assert compat.pop(f"duplicate_{n}char_distinct_fraction") == (None, 0.6)
    assert fixed == compat
    assert load_profile("mapcc-zh").families == load_profile("mapcc-zh-compat").families


def test_fineweb_has_gophers_numbers_and_its_own() -> None:
    bounds = limits(load_profile("fineweb-en"))
    gopher = limits(load_profile("gopher-en"))
    assert {name: bounds[name] for name in gopher} == gopher
    assert {name: bounds[name] for name in bounds.keys() - gopher.keys()} == {
        "opening_brace_count": (None, 0),
        "lorem_ipsum_count": (None, 0),
        "sentence_count": (5, None),
        "terminal_punctuation_line_fraction": (0.12, None),
        "short_line_fraction": (None, 0.67),
        "duplicate_line_chars_without_newlines_fraction": (None, 0.01),
        "newlines_per_word": (None, 0.3),
    }


def test_a_profile_may_measure_without_bounds(tmp_path: Path) -> None:
    profile = load_profile("redpajama-v2")
    assert profile.bounds == ()
    assert list(profile.families) == list(profile.measured)
    text = GOOD.replace("bounds:", 'signals:\n  - {family: words, source: "me, section 3"}\nbounds:')
    profile = load_profile(write(tmp_path, text))
    assert profile.measured == {"words@1": "My own paper, section 3"}
    assert list(profile.families) == ["words@1", "lines@1"]


def decide(profile: Profile, texts: list[str]) -> list[list[str]]:
    batch = TextBatch(pa.array(texts, pa.large_string()))
    measured: dict[str, pa.DoubleArray] = {}
    for name, params in profile.families.items():
        family = signals.family(name)
        measured |= policy.values(family.measure(batch, params), family.rules)
    crossed = policy.crossings(measured, profile.bounds).to_pylist()
    return [[crossing["rule"] for crossing in row] for row in crossed]


def test_profiles_decide_on_texts_of_their_language() -> None:
    sentences = [
        "The committee met on Tuesday to discuss how the harbour should be rebuilt after the storm.",
        "Several engineers argued that a longer wall would protect ships better than dredging alone.",
        "Others replied with figures of past winters, and the mayor promised to have both plans costed.",
        "Nobody expects work to begin before spring, when the river is calm and labour is easier to find.",
    ]
    good, nothing, repeated = "\n".join(sentences), "", "Buy now and save. " * 60
    crossed = decide(load_profile("gopher-en"), [good, nothing, repeated])
    assert crossed[0] == []
    assert crossed[1] == ["word_count", "distinct_stop_word_count"]
    assert "duplicate_10gram_chars_fraction" in crossed[2]
    assert "top_2gram_chars_fraction" in crossed[2]

    chinese = (
        "委员会在星期二召开会议，讨论风暴之后应当如何重建港口。几位工程师认为，更长的堤坝比单纯疏浚更能保护船只。\n"
        "另一些人引用了过去几个冬天的数据来回应，市长则答应为两个方案分别估算费用。\n"
        "没有人指望工程会在春天之前开始，因为那时河水平静，也比较容易找到工人。"
    )
    crossed = decide(load_profile("fineweb2-zh"), [chinese, "点击进入。" * 100])
    assert crossed[0] == []
    assert "duplicate_5gram_chars_fraction" in crossed[1]


def test_a_profile_file_is_read_by_path(tmp_path: Path) -> None:
    profile = load_profile(write(tmp_path, GOOD))
    assert list(profile.families) == ["words@1", "lines@1"]
    assert profile.families["lines@1"] == {"terminal_also": "", "short_line_chars": 10}
    assert profile.bounds[1] == policy.Bound(
        "short_line_fraction", None, 0.5, "drop", "My own paper, section 2"
    )
    assert load_profile(str(tmp_path / "mine.yaml")) == profile


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("title: Mine", "titel: Mine", r"mine.yaml: unknown key 'titel'. Did you mean 'title'"),
        ("title: Mine", "", r"the key 'title' is missing"),
        ("version: 1", "version: one", r"version: must be a int"),
        ("version: 1", "version: 1\nversion: 2", r"line 4: the key 'version' is written twice"),
        ("words/word_count", "words/word_cuont", r"bounds\[0\]\.signal: .*Did you mean 'word_count'"),
        ("words/word_count", "wrds/word_count", r"bounds\[0\]\.signal: .*Did you mean 'words'"),
        ("min: 5", "minimum: 5", r"bounds\[0\]: .*no key 'minimum'. Did you mean 'min'"),
        ("me, section 1", "you, section 1", r"bounds\[0\]: source: there is no source 'you'"),
        ("me, section 1", "me", r"followed by a comma and the section"),
        (", missing: drop", "", r"bounds\[1\]: the key 'missing' is missing"),
        ("short_line_chars", "short_lines", r"params.lines: .*Did you mean 'short_line_chars'"),
        ("  lines: {", "  line: {", r"params.line: .*Did you mean 'lines'"),
        ("  lines: {short_line_chars: 10}", "  ngram_repetition: {}", r"params.ngram_repetition@1: no bound"),
        ("short_line_fraction", "word_count", r"bounds\[1\]\.signal: 'word_count' is bounded twice"),
        ("profile: mine", "profile: [mine", r"mine.yaml: not YAML"),
        ("bounds:", "bounds: {}\nx:", r"unknown key 'x'"),
        ("bounds:", "signals: {}\nbounds:", r"signals: must be a list"),
        ("bounds:", "signals: [words]\nbounds:", r"signals\[0\]: must be a mapping"),
        ("bounds:", "signals: [{family: words}]\nbounds:", r"signals\[0\]: the key 'source' is missing"),
        ("bounds:", "signals: [{familiy: words}]\nbounds:", r"signals\[0\]: .*Did you mean 'family'"),
        ("bounds:", "signals: [{family: wrds, source: 'me, 1'}]\nbounds:", r"Did you mean 'words'"),
    ],
)
def test_a_wrong_profile_is_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in GOOD
    with pytest.raises(ConfigError, match=message):
        load_profile(write(tmp_path, GOOD.replace(old, new, 1)))


def test_a_profile_of_nothing_is_refused(tmp_path: Path) -> None:
    text = (
        GOOD[: GOOD.index("bounds:")].replace("params:\n  lines: {short_line_chars: 10}\n", "")
        + "bounds: []\n"
    )
    with pytest.raises(ConfigError, match=r"nothing is measured"):
        load_profile(write(tmp_path, text))


def test_unknown_names_and_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"Did you mean 'gopher-en'"):
        load_profile("gopher")
    with pytest.raises(ConfigError, match=r"nothing.yaml: the profile cannot be read"):
        load_profile(tmp_path / "nothing.yaml")
    with pytest.raises(ConfigError, match=r"a profile is a mapping"):
        load_profile(write(tmp_path, "- 1"))
