"""What a lexicon finds in texts, and what the signals of it count."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pyarrow as pa
import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from lexicon_made import made, write

from datagov.errors import ConfigError
from datagov.lexicons.file import starter
from datagov.lexicons.lexicon import CATEGORIES, Lexicon
from datagov.lexicons.matcher import checked_foldings, matcher_of
from datagov.model_files import model_file
from datagov.signals import resolve_params, terms
from datagov.signals.terms import TERMS, locate
from datagov.testing import CHECKS, Check
from datagov.text.batch import TextBatch
from datagov.text.folding import FOLDINGS

EXAMPLE = (
    ("操你妈", "profanity", 1.5, ["cnm"]),
    ("妈的", "profanity", 0.5),
    ("bitch", "sexism", 1),
    ("son of a bitch", "insult", 2),
    ("傻子", "insult", 0.25),
)
ALLOWED = ["妈妈的"]


def batch_of(*texts: str) -> TextBatch:
    return TextBatch(pa.array(texts, pa.large_string()))


matcher = cache(matcher_of)


def hits(lexicon: Lexicon, text: str, *foldings: str) -> list[tuple[str, str]]:
    found = matcher(lexicon, foldings or tuple(FOLDINGS)).find(batch_of(text))
    return [
        (text[start:end], lexicon.terms[term].text)
        for start, end, term in zip(found.start, found.end, found.term, strict=True)
    ]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("you SON  of a bitch", [("bitch", "bitch")]),
        ("you SON of a biiitch", [("SON of a biiitch", "son of a bitch")]),
        ("CNM，艹尼玛", [("CNM", "操你妈"), ("艹尼玛", "操你妈")]),
        ("操你媽 妈妈的 媽媽的 马的", [("操你媽", "操你妈")]),
        ("傻\u200b子 煞子", [("傻\u200b子", "傻子")]),
        ("bitches bitch's", [("bitch", "bitch")]),
    ],
)
def test_a_lexicon_finds_its_terms_and_their_evasions(text: str, found: list[tuple[str, str]]) -> None:
    assert hits(made(*EXAMPLE, allow=ALLOWED, traditional="媽妈"), text) == found


@pytest.mark.parametrize(
    ("text", "folding"),
    [
        ("BITCH", "case"),
        ("ｂitch", "width"),
        ("bi\u00adtch", "zero_width"),
        ("操你媽", "traditional"),
        ("biiitch", "repeats"),
        ("草你妈", "homophones"),
    ],
)
def test_each_folding_is_what_finds_its_evasion(text: str, folding: str) -> None:
    lexicon = made(*EXAMPLE, traditional="媽妈")
    assert hits(lexicon, text)
    assert hits(lexicon, text, folding)
    assert not hits(lexicon, text, *(name for name in FOLDINGS if name != folding))


def test_a_term_as_it_is_written_comes_before_another_with_stand_ins() -> None:
    assert hits(made(("他马的", "profanity"), ("他妈的", "profanity")), "他妈的他马的他吗的") == [
        ("他妈的", "他妈的"),
        ("他马的", "他马的"),
        ("他吗的", "他马的"),
    ]


def test_foldings_are_checked_and_put_in_order() -> None:
    assert checked_foldings(["repeats", "case"]) == ("case", "repeats")
    with pytest.raises(ConfigError, match=r"no folding 'repeat'\. Did you mean 'repeats'"):
        checked_foldings(["repeat"])
    with pytest.raises(ConfigError, match="must be a list of names, not 'case'"):
        checked_foldings("case")


def test_ordinary_sentences_have_nothing_of_the_starter_lexicon() -> None:
    for text in (
        "妈妈的爱是伟大的，我操作电脑，扎西尼玛来了。",
        "她是一位女医生，妇女节快乐，同性恋者的权利应当得到尊重。",
        "The class assessed Scunthorpe's grass; a cockpit, a title and a classic.",
        "Women's rights are human rights. Gay, lesbian and transgender people live here.",
    ):
        assert hits(starter(), text) == []


@pytest.fixture
def params(tmp_path: Path) -> dict:
    path = write(tmp_path / "lex.json", *EXAMPLE, allow=ALLOWED, traditional="媽妈")
    return dict(resolve_params(TERMS, {"lexicon": model_file(path)}))


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_the_family_passes_the_checks_of_all(params: dict, check: Check) -> None:
    given = {"lexicon": params["lexicon"]}
    check(TERMS, given)


pieces = st.lists(
    st.sampled_from(
        ["操你妈", "妈的", "bitch", "son of a bitch", "傻子", "妈", " ", "a", "。", "草你马", "\u200b"]
    ),
    max_size=12,
).map("".join)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> dict:
    path = write(tmp_path_factory.mktemp("lex") / "lex.json", *EXAMPLE, allow=ALLOWED)
    return dict(resolve_params(TERMS, {"lexicon": model_file(path)}))


@settings(max_examples=examples(80))
@given(texts=st.lists(pieces, max_size=4))
def test_counts_are_those_of_what_is_found(shared: dict, texts: list[str]) -> None:
    counts, spans = locate(batch_of(*texts), shared)
    weights = {text: round((rest[0] if rest else 1) * 1000) for text, _, *rest in EXAMPLE}
    categories = {text: category for text, category, *_ in EXAMPLE}
    lexicon = made(*EXAMPLE, allow=ALLOWED)
    told = spans.to_pylist()
    for row, text in enumerate(texts):
        found = hits(lexicon, text)
        here = [span for span in told if span["row"] == row]
        assert [text[span["start"] : span["end"]] for span in here] == [written for written, _ in found]
        assert [shared["terms"][span["term"]][0] for span in here] == [term for _, term in found]
        assert [span["rule"] for span in here] == [categories[term] for _, term in found]
        counted = counts.slice(row, 1).to_pylist()[0]
        for prefix in ("", *(f"{name}_" for name in CATEGORIES)):
            mine = [each for each in found if prefix in ("", f"{categories[each[1]]}_")]
            assert counted[f"{prefix}terms"] == len(mine)
            assert counted[f"{prefix}distinct_terms"] == len({term for _, term in mine})
            assert counted[f"{prefix}term_chars"] == sum(len(written) for written, _ in mine)
            assert counted[f"{prefix}weight"] == sum(weights[term] for _, term in mine)
        assert (counted["chars"], counted["thousand"]) == (len(text), 1000)


def test_all_are_counted_and_the_first_of_a_document_are_told(
    shared: dict, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(terms, "MOST_SPANS", 3)
    counts, spans = locate(batch_of("妈的 " * 5, "x", "傻子 " * 2), shared)
    assert counts.column("terms").to_pylist() == [5, 0, 2]
    assert spans.column("row").to_pylist() == [0, 0, 0, 2, 2]
    assert spans.column("start").to_pylist() == [0, 3, 6, 0, 3]


def test_parameters_say_what_each_id_means(params: dict) -> None:
    assert params["foldings"] == tuple(FOLDINGS)
    assert params["of"]["name"] == "made"
    assert min(params["terms"].values()) == ("bitch", "sexism", 1000)


@pytest.mark.parametrize(
    ("given", "message"),
    [({"foldings": ["x"]}, "there is no folding 'x'"), ({"folding": ["case"]}, "Did you mean 'foldings'")],
)
def test_wrong_parameters_are_refused(params: dict, given: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        resolve_params(TERMS, {"lexicon": params["lexicon"], **given})


def test_a_file_that_changed_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "changing.json", ("fool", "insult"))
    file = model_file(path)
    path.write_text("{}", "utf-8")
    with pytest.raises(ConfigError, match="every worker needs the same"):
        resolve_params(TERMS, {"lexicon": file})
