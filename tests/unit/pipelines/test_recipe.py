from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from datagov.dedup.curve import PRESETS
from datagov.errors import ConfigError
from datagov.signals.script import SCRIPT_NAMES
from pipelines.recipe import Recipe, load_recipe

BASE: dict[str, Any] = {
    "dataset": "d",
    "input": {"path": "corpus", "text": "text", "id": "id"},
    "output": "out",
    "steps": [{"exact_dedup": {}}],
}
HAN = {"filter": {"profile": "fineweb2-zh", "when": {"script": "han"}}}
LATIN = {"filter": {"profile": "gopher-en", "when": {"script": "latin"}}}


def write(folder: Path, content: Any, name: str = "recipe.yaml") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    text = content if isinstance(content, str) else yaml.safe_dump(content, allow_unicode=True)
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def load(tmp_path: Path) -> Any:
    def load(*steps: Any, changes: tuple[str, ...] = (), **keys: Any) -> Recipe:
        content = {**BASE, **({"steps": list(steps)} if steps else {}), **keys}
        return load_recipe(write(tmp_path, content), changes=changes)

    return load


def with_otherwise(step: dict[str, Any], otherwise: str) -> dict[str, Any]:
    return {"filter": {**step["filter"], "otherwise": otherwise}}


# What is refused, and with which words.


def test_a_recipe_that_is_not_there_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no such file; `datagov init DIR`"):
        load_recipe(tmp_path / "recipe.yaml")


@pytest.mark.parametrize("text", ["a: [", "- 1", "", "just words", "\x00"])
def test_what_is_not_a_mapping_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError, match=r"recipe\.yaml: (not YAML|expected a mapping)"):
        load_recipe(write(tmp_path, text))


def test_a_recipe_that_is_not_utf8(tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_bytes(b"dataset: \xff\n")
    with pytest.raises(ConfigError, match="cannot be read"):
        load_recipe(path)


@pytest.mark.parametrize("key", ["dataset", "input", "output", "steps"])
def test_every_key_is_needed(tmp_path: Path, key: str) -> None:
    content = {name: value for name, value in BASE.items() if name != key}
    with pytest.raises(ConfigError, match=f"no '{key}'"):
        load_recipe(write(tmp_path, content))


@pytest.mark.parametrize(
    ("step", "message"),
    [
        ({"filtre": {}}, "unknown step 'filtre'. Did you mean 'filter'"),
        ({"near_dedupe": {}}, "unknown step 'near_dedupe'. Did you mean 'near_dedup'"),
        ({"exact_dedup": {"onn": "url"}}, "unknown key 'onn'. Did you mean 'on'"),
        ({"near_dedup": {"verify": {"jacard": 0.8}}}, "unknown key 'verify.jacard'"),
        ({"near_dedup": {"presett": "fineweb"}}, "Did you mean 'preset'"),
        ({"near_dedup": {"preset": "finewebs"}}, "unknown preset 'finewebs'. Did you mean 'fineweb'"),
        ({"near_dedup": {"keep": "longets"}}, "unknown criterion 'longets'. Did you mean 'longest'"),
        ({"exact_dedup": {"keep": {"newst": "date"}}}, "Did you mean 'newest'"),
        ({"filter": {"profile": "gopher"}}, "no profile 'gopher'. Did you mean 'gopher-en'"),
        ({"filter": {"profile": "gopher-en", "when": {"script": "hen"}}}, "Did you mean 'han'"),
        ({"filter": {"profile": "gopher-en", "when": {"scripts": "han"}}}, "Did you mean 'script'"),
        (
            {"filter": {"profile": "gopher-en", "bounds": {"word_cont": {"min": 1}}}},
            "no signal 'word_cont'. Did you mean 'word_count'",
        ),
        (
            {"filter": {"profile": "gopher-en", "bounds": {"word_count": {"mim": 1}}}},
            "no key 'mim'. Did you mean 'min'",
        ),
        (
            {"filter": {"profile": "gopher-en", "bounds": {"word_count": {"missing": "dorp"}}}},
            "Did you mean 'drop'",
        ),
        ({"filter": {"profile": "gopher-en", "bounds": {"word_count": {"min": 10**9}}}}, "is above max"),
        ({"filter": {}}, "give it a profile, signals, bounds or where"),
        ({"normalise": {"form": "NFB"}}, "form"),
        ({"normalise": {"name": "tidy"}}, "A step's name stands beside its kind"),
        ({"near_dedup": {"bands": 3}}, "bands and rows go together"),
        ({"near_dedup": {"recall": 0.9}}, "recall and at go together"),
        ({"near_dedup": {"preset": "fineweb", "bands": 2, "rows": 2}}, "give one of"),
        ({"near_dedup": {"verify": {"jaccard": 0}}}, "verify.jaccard"),
        ({"near_dedup": {"verify": {"jaccard": 1.01}}}, "verify.jaccard"),
        ({"exact_dedup": {}, "near_dedup": {}}, "expected one step kind"),
        ({"name": "alone"}, "expected one step kind"),
        (
            {"exact_dedup": {}, "annotate": True},
            "got the keys annotate, exact_dedup; options of a step stand below its kind",
        ),
        ({"exact_dedup": ["url"]}, "expected a mapping"),
        ("exact_dedup", "expected a mapping such as"),
        ({"name": "a/b", "exact_dedup": {}}, "without '/'"),
        ({"name": 3, "exact_dedup": {}}, "name must be a word"),
    ],
    ids=str,
)
def test_a_step_that_cannot_be_is_refused_by_name(load: Any, step: Any, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(step)
    assert message in caught.value.message
    assert "recipe.yaml: step" in caught.value.message
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"datset": "x"}, "unknown key 'datset'. Did you mean 'dataset'"),
        ({"input": {"path": "c", "txt": "t"}}, "input: unknown key 'txt'. Did you mean 'text'"),
        ({"input": {"text": "t"}}, "input: path: Field required"),
        ({"input": {"path": "c", "unreadable": "ignore"}}, "unreadable"),
        ({"input": {"path": "c", "max_document_chars": 0}}, "max_document_chars"),
        ({"input": ["c"]}, "input"),
        ({"input": 5}, "input"),
        ({"dataset": ""}, "dataset must be a name"),
        ({"dataset": 3}, "dataset must be a name"),
        ({"output": None}, "output must be a path"),
        ({"output": ["out"]}, "output must be a path"),
        ({"steps": []}, "steps must be a list"),
        ({"steps": {"exact_dedup": {}}}, "steps must be a list"),
    ],
    ids=str,
)
def test_a_key_that_cannot_be_is_refused_by_name(load: Any, keys: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(**keys)
    assert message in caught.value.message
    assert "recipe.yaml: " in caught.value.message


def test_a_key_written_twice_is_refused(tmp_path: Path) -> None:
    text = yaml.safe_dump(BASE) + "dataset: again\n"
    with pytest.raises(ConfigError, match=r"recipe\.yaml.*'dataset' is written twice"):
        load_recipe(write(tmp_path, text))


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("exact_dedup: {on: url, keep: {newest: date}}", {"on": "url", "keep": [{"newest": "date"}]}),
        ("exact_dedup: {keep: [{lang: [no, yes, off]}]}", {"keep": [{"lang": ["no", "yes", "off"]}]}),
        ("normalise: {strip_control: no}", {"strip_control": False}),
        ("normalise: {strip_control: true}", {"strip_control": True}),
        ("near_dedup: {verify: {jaccard: 7e-1}}", {"verify": {"jaccard": 0.7}}),
    ],
)
def test_words_and_numbers_mean_what_they_say(tmp_path: Path, written: str, meant: dict[str, Any]) -> None:
    """To YAML 1.1 `on` is a truth value, and 7e-1 a text."""
    head = yaml.safe_dump({**BASE, "steps": []}).replace("steps: []", "steps:")
    (step,) = load_recipe(write(tmp_path, f"{head}  - {written}\n")).steps
    assert {key: step.resolved[key] for key in meant} == meant


def test_a_date_in_a_recipe_is_text(tmp_path: Path) -> None:
    """YAML reads a bare date as a date; a ranked value may look like one."""
    text = yaml.safe_dump({**BASE, "steps": []}).replace("steps: []", "")
    text += "steps:\n  - exact_dedup: {keep: [{day: [2024-05-01, 2024-04-01]}]}\n"
    (step,) = load_recipe(write(tmp_path, text)).steps
    assert step.resolved["keep"] == [{"day": ["2024-05-01", "2024-04-01"]}]


# Names of steps.


def test_steps_are_called_by_their_kind_and_numbered_where_it_repeats(load: Any) -> None:
    plain = {"filter": {"profile": "gopher-en"}}
    steps = [{"normalise": None}, plain, {**plain, "name": "strict"}, plain, {"exact_dedup": {}}]
    assert [step.name for step in load(*steps).steps] == [
        "normalise",
        "filter-1",
        "strict",
        "filter-2",
        "exact_dedup",
    ]


def test_two_steps_of_one_name_are_refused(load: Any) -> None:
    with pytest.raises(ConfigError, match="two steps are called 'filter'"):
        load({"filter": {"profile": "gopher-en"}}, {"name": "filter", "filter": {"profile": "gopher-en"}})


# Who is covered by filters with `when`.


def test_documents_left_out_need_an_otherwise(load: Any) -> None:
    with pytest.raises(ConfigError, match=r"no filter covers documents in .*kana.*none.*say `otherwise"):
        load(HAN, LATIN)
    for otherwise in ("keep", "drop", "annotate"):
        assert load(HAN, with_otherwise(LATIN, otherwise)).steps[1].resolved["otherwise"] == otherwise


def test_otherwise_stands_on_the_last_of_a_group(load: Any) -> None:
    with pytest.raises(ConfigError, match=r"step 'filter-1': `otherwise` belongs on the last"):
        load(with_otherwise(HAN, "keep"), with_otherwise(LATIN, "keep"))


def test_a_step_between_ends_the_group(load: Any) -> None:
    with pytest.raises(ConfigError, match="step 'filter-1': no filter covers"):
        load(HAN, {"normalise": {}}, with_otherwise(LATIN, "keep"))
    load(with_otherwise(HAN, "keep"), {"normalise": {}}, with_otherwise(LATIN, "drop"))


def test_filters_that_cover_all_scripts_need_no_otherwise(load: Any) -> None:
    rest = [name for name in SCRIPT_NAMES if name != "han"]
    load(HAN, {"filter": {"profile": "gopher-en", "when": {"script": rest}}})


def test_otherwise_without_when_is_refused(load: Any) -> None:
    with pytest.raises(ConfigError, match="`otherwise` needs a `when`"):
        load({"filter": {"profile": "gopher-en", "otherwise": "drop"}})


# The canonical form.


REFERENCE = {
    **BASE,
    "steps": [
        {"normalise": {}},
        HAN,
        with_otherwise(LATIN, "keep"),
        {"exact_dedup": {"keep": "first"}},
        {"near_dedup": {}},
    ],
}


def test_formatting_order_comments_and_spelled_out_defaults_do_not_matter(tmp_path: Path) -> None:
    written = """
# a comment
steps:
- {normalise: {strip_control: yes, "form": 'NFC'}}
- filter:
    when:
      script: [han]
    profile: fineweb2-zh
    bounds: {}
  name: filter-1
- filter: {annotate: false, otherwise: keep, when: {script: latin}, profile: gopher-en}
  name: filter-2
- exact_dedup:
- near_dedup: {verify: {jaccard: 0.70}, keep: [longest], preset: fineweb, within: [], seed: 1}
output: elsewhere
input: {id: id, path: /another/place, source: null}
dataset: "d"
"""
    first = load_recipe(write(tmp_path, REFERENCE))
    second = load_recipe(write(tmp_path / "elsewhere", written, "other.yml"))
    assert first.canonical() == second.canonical()
    assert first.digest == second.digest


@settings(max_examples=examples(25))
@given(st.randoms(use_true_random=False))
def test_the_order_of_keys_does_not_matter(tmp_path_factory: pytest.TempPathFactory, random: Any) -> None:
    def shuffled(value: Any) -> Any:
        if isinstance(value, dict):
            keys = list(value)
            random.shuffle(keys)
            return {key: shuffled(value[key]) for key in keys}
        return [shuffled(item) for item in value] if isinstance(value, list) else value

    folder = tmp_path_factory.mktemp("recipe")
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump(shuffled(REFERENCE), sort_keys=False))
    assert load_recipe(path).digest == load_recipe(write(folder / "b", REFERENCE)).digest


def test_paths_and_policies_about_places_do_not_matter(tmp_path: Path) -> None:
    path = write(tmp_path, REFERENCE)
    moved = load_recipe(path, input_path="/x", output="/y")
    assert (moved.input.path, moved.output) == ("/x", "/y")
    skipping = write(tmp_path / "b", {**REFERENCE, "input": {**BASE["input"], "unreadable": "skip"}})
    assert moved.digest == load_recipe(path).digest == load_recipe(skipping).digest


@pytest.mark.parametrize(
    "change",
    [
        {"dataset": "e"},
        {"input": {"path": "corpus", "text": "body", "id": "id"}},
        {"input": {"path": "corpus", "text": "text"}},
        {"input": {"path": "corpus", "id": "id", "max_document_chars": 5}},
        {"steps": REFERENCE["steps"][:-1]},
        {"steps": [*REFERENCE["steps"][:-1], {"near_dedup": {"verify": {"jaccard": 0.71}}}]},
        {"steps": [*REFERENCE["steps"][:-1], {"near_dedup": {"keep": "first"}}]},
        {"steps": [*REFERENCE["steps"][:-1], {"name": "near", "near_dedup": {}}]},
        {"steps": [{"normalise": {"form": "NFKC"}}, *REFERENCE["steps"][1:]]},
    ],
    ids=str,
)
def test_what_changes_decisions_changes_the_digest(tmp_path: Path, change: dict[str, Any]) -> None:
    base = load_recipe(write(tmp_path, REFERENCE))
    assert load_recipe(write(tmp_path / "b", {**REFERENCE, **change})).digest != base.digest


def test_the_canonical_form_is_plain_and_whole(load: Any) -> None:
    recipe = load(*REFERENCE["steps"])
    canonical = recipe.canonical()
    assert json.loads(json.dumps(canonical)) == canonical
    filters = [step for step in canonical["steps"] if step["kind"] == "filter"]
    assert all(step["bounds"] and step["families"] for step in filters)
    near = canonical["steps"][-1]
    assert (near["bands"], near["rows"], near["shingle"], near["keep"]) == (14, 8, 5, ["longest"])


@pytest.mark.parametrize("limit", ["50", "50.0", "5.0e+1"])
def test_a_number_is_a_number_however_written(tmp_path: Path, load: Any, limit: str) -> None:
    base = load({"filter": {"profile": "gopher-en"}})
    text = yaml.safe_dump({**BASE, "steps": [{"filter": {"profile": "gopher-en", "bounds": {}}}]})
    text = text.replace("bounds: {}", f"bounds: {{word_count: {{min: {limit}}}}}")
    assert load_recipe(write(tmp_path / "b", text)).digest == base.digest


# Near-dedup parameters.


@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_presets(load: Any, preset: str) -> None:
    (step,) = load({"near_dedup": {"preset": preset}}).steps
    known = PRESETS[preset]
    assert step.spec.shape == (known.bands, known.rows, known.k)
    (step,) = load({"near_dedup": {"preset": preset, "shingle": 3}}).steps
    assert step.spec.shape == (known.bands, known.rows, 3)


def test_bands_and_rows_from_a_recall(load: Any) -> None:
    (step,) = load({"near_dedup": {"recall": 0.95, "at": 0.8, "permutations": 64}}).steps
    bands, rows, shingle = step.spec.shape
    assert bands * rows <= 64
    assert 1 - (1 - 0.8**rows) ** bands >= 0.95
    assert shingle == 5


# --set


def bound(recipe: Recipe, signal: str, step: int = 0) -> dict[str, Any]:
    return next(item for item in recipe.steps[step].resolved["bounds"] if item["signal"] == signal)


def test_set_changes_one_limit_and_nothing_else(load: Any) -> None:
    step = {"filter": {"profile": "gopher-en"}}
    base, changed = load(step), load(step, changes=("filter/word_count.min=7",))
    assert bound(changed, "word_count") == {**bound(base, "word_count"), "min": 7}
    others = [
        [item for item in recipe.steps[0].resolved["bounds"] if item["signal"] != "word_count"]
        for recipe in (base, changed)
    ]
    assert others[0] == others[1]


def test_set_is_the_same_as_writing_it(load: Any) -> None:
    step = {"filter": {"profile": "gopher-en"}}
    written = {
        "filter": {
            "profile": "gopher-en",
            "bounds": {"word_count": {"min": 7, "max": None, "missing": "keep"}},
        }
    }
    changes = ("filter/word_count.min=7", "filter/word_count.max=", "filter/word_count.missing=keep")
    assert load(step, changes=changes).digest == load(written).digest


def test_set_reaches_every_step(load: Any) -> None:
    recipe = load(
        {"normalise": {}},
        {"name": "near", "near_dedup": {"verify": {"jaccard": 0.7}}},
        changes=(
            "near/verify.jaccard=0.8",
            "near/keep=[first]",
            "normalise/form=NFKC",
            "near/verify.jaccard=0.9",
        ),
    )
    assert recipe.steps[0].resolved["form"] == "NFKC"
    assert recipe.steps[1].resolved["verify"] == {"jaccard": 0.9}
    assert recipe.steps[1].resolved["keep"] == ["first"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("filter/word_count.min", "expected STEP/SIGNAL.min=VALUE"),
        ("word_count.min=3", "expected STEP/SIGNAL.min=VALUE"),
        ("filter/=3", "expected STEP/SIGNAL.min=VALUE"),
        ("filer/word_count.min=3", "no step 'filer'. Did you mean 'filter'"),
        ("filter/word_cont.min=3", "Did you mean 'word_count'"),
        ("filter/word_count.min=many", "must be a finite number"),
        ("filter/word_count.min=[", "--set"),
        ("filter/profile.name=3", "is not a mapping"),
        ("filter/profil=gopher-en", "Did you mean 'profile'"),
    ],
)
def test_a_set_that_cannot_be_is_refused(load: Any, change: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load({"filter": {"profile": "gopher-en"}}, changes=(change,))
    assert message in caught.value.message


# Profiles in files.


PROFILE = """
profile: mine
version: 2
title: One bound
sources: {me: "my own reading"}
not_included: []
bounds:
  - {signal: word_count, min: 3, missing: drop, source: "me, page 1"}
"""


def test_a_profile_file_is_found_beside_the_recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = [{"filter": {"profile": "rules/mine.yaml"}}]
    digests = []
    for name in ("a", "b"):
        write(tmp_path / name / "rules", PROFILE, "mine.yaml")
        recipe = load_recipe(write(tmp_path / name, {**BASE, "steps": steps}))
        digests.append(recipe.digest)
        assert bound(recipe, "word_count")["min"] == 3
    monkeypatch.chdir(tmp_path / "a")
    digests.append(load_recipe(Path("recipe.yaml")).digest)
    steps = [{"filter": {"profile": str(tmp_path / "a/rules/mine.yaml")}}]
    digests.append(load_recipe(write(tmp_path / "c", {**BASE, "steps": steps})).digest)
    assert len(set(digests)) == 1


def test_what_a_profile_file_says_is_part_of_the_recipe(tmp_path: Path) -> None:
    path = write(tmp_path, {**BASE, "steps": [{"filter": {"profile": "mine.yaml"}}]})
    profile = write(tmp_path, PROFILE, "mine.yaml")
    base = load_recipe(path).digest
    profile.write_text("# reformatted\n" + PROFILE.replace("sources: {me:", "sources:  { me:"))
    assert load_recipe(path).digest == base
    profile.write_text(PROFILE.replace("min: 3", "min: 4"))
    assert load_recipe(path).digest != base


def test_a_profile_file_that_is_wrong_is_named(tmp_path: Path) -> None:
    path = write(tmp_path, {**BASE, "steps": [{"filter": {"profile": "mine.yaml"}}]})
    with pytest.raises(ConfigError, match=r"mine\.yaml"):
        load_recipe(path)
    write(tmp_path, PROFILE.replace("word_count", "word_cont"), "mine.yaml")
    with pytest.raises(ConfigError, match=r"mine\.yaml.*bounds\[0\]\.signal.*Did you mean 'word_count'"):
        load_recipe(path)
