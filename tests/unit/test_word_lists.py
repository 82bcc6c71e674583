"""A word list that a recipe names: read, made part of the recipe, bounded as the profile says; a bad one refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from datagov.errors import ConfigError
from datagov.profiles import load_profile, word_lists
from datagov.profiles.word_lists import read_word_list
from pipelines.recipe import Recipe, load_recipe

RECIPE = """
dataset: d
input: {{path: in}}
output: out
steps:
  - filter: {filter}
"""


def listed(folder: Path, content: bytes, name: str = "words.txt") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def recipe(folder: Path, options: str) -> Recipe:
    path = folder / "recipe.yaml"
    path.write_text(RECIPE.format(filter=options))
    return load_recipe(path)


def test_a_list_is_read_line_by_line(tmp_path: Path) -> None:
    path = listed(tmp_path, "\ufeff# mine\n\n  spam \r\n彩票\nspam\nlorem ipsum\n".encode())
    assert read_word_list(path) == ["lorem ipsum", "spam", "彩票"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "holds no entry"),
        (b"# only a comment\n\n", "holds no entry"),
        (b"spam\n\xff\xfe\n", "not UTF-8"),
        (b"spam\nporn\tcategory\n", r"line 2: 'porn\\tcategory' holds a control character or tab"),
        (b"a\nb\nc\nd\n", "holds 4 entries, the most are 3"),
    ],
)
def test_a_bad_list_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, message: str
) -> None:
    monkeypatch.setattr(word_lists, "MOST_ENTRIES", 3)
    with pytest.raises(ConfigError, match=message):
        read_word_list(listed(tmp_path, content))


def test_a_missing_list_is_refused_with_the_step(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"step 'filter': word list .*none.txt: cannot be read"):
        recipe(tmp_path, "{profile: roots-en, word_lists: {lexicon: none.txt}}")


def test_the_entries_are_part_of_the_recipe_and_the_file_is_not(tmp_path: Path) -> None:
    listed(tmp_path, b"spam\ncasino\n")
    listed(tmp_path, b"# the same\ncasino\nspam\n", "others.txt")
    listed(tmp_path, b"spam\n", "fewer.txt")
    with_list = "{{profile: roots-en, word_lists: {{lexicon: {}}}}}"
    first = recipe(tmp_path, with_list.format("words.txt"))
    families = {entry["family"]: entry["params"] for entry in first.steps[0].resolved["families"]}
    assert families["lexicon@1"] == {"words": ["casino", "spam"]}
    bounds = {bound["signal"]: bound["max"] for bound in first.steps[0].resolved["bounds"]}
    assert bounds["listed_word_fraction"] == 0.01
    assert recipe(tmp_path, with_list.format("others.txt")).digest == first.digest
    assert recipe(tmp_path, with_list.format("fewer.txt")).digest != first.digest


def test_without_a_list_a_profile_bounds_nothing_on_it(tmp_path: Path) -> None:
    resolved = recipe(tmp_path, "{profile: roots-en}").steps[0].resolved
    assert "lexicon@1" not in {entry["family"] for entry in resolved["families"]}
    assert "listed_word_fraction" not in {bound["signal"] for bound in resolved["bounds"]}


def test_a_list_can_take_the_place_of_a_profiles_words_and_go_with_bounds_of_the_recipe(
    tmp_path: Path,
) -> None:
    listed(tmp_path, b"le\nla\n")
    resolved = recipe(tmp_path, "{profile: gopher-en, word_lists: {stop_words: words.txt}}").steps[0].resolved
    families = {entry["family"]: entry["params"] for entry in resolved["families"]}
    assert families["stop_words@1"] == {"words": ["la", "le"]}
    own = "{word_lists: {lexicon: words.txt}, bounds: {listed_word_count: {max: 3}}}"
    resolved = recipe(tmp_path, own).steps[0].resolved
    assert [bound["signal"] for bound in resolved["bounds"]] == ["listed_word_count"]


def test_families_without_lists_are_refused(tmp_path: Path) -> None:
    listed(tmp_path, b"spam\n")
    with pytest.raises(ConfigError, match=r"no family 'words' takes a list"):
        recipe(tmp_path, "{profile: roots-en, word_lists: {words: words.txt}}")
    with pytest.raises(ConfigError, match=r"needs the parameter 'words'.*word_lists"):
        recipe(tmp_path, "{bounds: {listed_word_count: {max: 3}}}")


@pytest.mark.parametrize("name", ["c4-en", "evalweb-zh", "redpajama-v2", "roots-en", "roots-zh"])
def test_profiles_say_what_a_list_is_for(name: str) -> None:
    profile = load_profile(name)
    assert profile.word_lists
    grown = profile.with_words({key: ["spam"] for key in profile.word_lists})
    added = [bound for entry in profile.word_lists.values() for bound in entry.bounds]
    assert grown.bounds == (*profile.bounds, *added)


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("[lexicon]", "word_lists: must map a family"),
        ("{lexikon: {what: x, bounds: []}}", r"word_lists.lexikon: .*Did you mean 'lexicon'"),
        ("{lexicon: {bounds: []}}", "must have the keys what and bounds"),
        (
            "{lexicon: {what: x, bounds: [{signal: word_count, max: 1, missing: keep, source: 'm, 1'}]}}",
            r"bounds\[0\].signal: 'word_count' is not of the family 'lexicon'",
        ),
    ],
)
def test_a_wrong_declaration_is_refused(tmp_path: Path, written: str, message: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(
        "profile: mine\nversion: 1\ntitle: Mine\nsources: {m: Me}\nnot_included: []\n"
        "bounds:\n  - {signal: word_count, min: 1, missing: keep, source: 'm, 1'}\n"
        f"word_lists: {written}\n"
    )
    with pytest.raises(ConfigError, match=message):
        load_profile(path)
