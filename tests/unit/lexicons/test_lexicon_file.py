"""A lexicon's file: what is written is read again, and what is wrong with one is said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from lexicon_made import made

from datagov.errors import ConfigError
from datagov.lexicons.file import FORMAT, encoded, parse_lexicon, read_lexicon, starter, write_lexicon
from datagov.lexicons.lexicon import CATEGORIES, checked_weight, term_id


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    lexicon = made(
        ("操你妈", "profanity", 1.5, ["cnm"]), ("ＦＵＣＫ", "insult"), allow=["妈妈的"], traditional="媽妈"
    )
    write_lexicon(tmp_path / "deep" / "x.json", lexicon)
    again = read_lexicon(tmp_path / "deep" / "x.json")
    assert again == lexicon
    assert encoded(again) == encoded(lexicon)
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["x.json"]
    assert [term.weight for term in again.terms] == [1500, 1000]


def test_an_id_names_a_term_however_it_is_cased_and_whatever_its_width() -> None:
    assert term_id("Fuck") == term_id("ｆｕｃｋ") == term_id("fu\u200bck")
    assert term_id("fuck") != term_id("fuk")


def test_the_digest_is_that_of_what_is_found() -> None:
    one = made(("a1", "insult"))
    assert one.digest == made(("a1", "insult"), name="other", version=7).digest
    others = [
        made(("a1", "slur")),
        made(("a1", "insult", 2)),
        made(("a1", "insult", 1, ["b1"])),
        made(("a1", "insult"), allow=["a1 b"]),
        made(("a1", "insult"), traditional="媽妈"),
    ]
    assert len({one.digest, *(other.digest for other in others)}) == 6


def changed(**fields: Any) -> bytes:
    record = json.loads(encoded(made(("fool", "insult"), ("操你妈", "profanity"))))
    return json.dumps(record | fields).encode()


def one_term(**fields: Any) -> bytes:
    term = {"term": "fool", "category": "insult", "weight": 1, "id": term_id("fool")} | fields
    return changed(terms=[term])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("操你妈".encode("gb18030"), "not UTF-8: .* at byte 0. Save it as UTF-8"),
        ("操你".encode()[:-1], "cut off at byte 5; copy it again"),
        (b"fool\nidiot\n", r"not JSON .*`datagov lexicon import LIST` makes a lexicon of a plain list"),
        (b"[]", "not a lexicon: the key 'datagov_lexicon' is missing"),
        (
            changed(datagov_lexicon=FORMAT + 1),
            r"format 2 is newer than what this datagov reads \(1\): upgrade it",
        ),
        (changed(datagov_lexicon="x"), r"format 'x' is not what this datagov reads \(1\)"),
        (changed(term=[]), "unknown key 'term'. Did you mean 'terms'"),
        (changed(terms=[]), "holds no term"),
        (changed(terms="fool"), "terms: expected list, got 'fool'"),
        (changed(allow=["妈妈的"]), "its content is not what its manifest says: it was changed by hand"),
        (changed(allow=[" x"]), r"allow\[0\]: ' x' is not a text without white space around it"),
        (changed(traditional="媽"), "traditional: expected pairs of characters"),
        (changed(version=True), "version: expected int, got True"),
        (changed(manifest=None), "manifest: expected dict"),
        (changed(sources=[{"nome": "x"}]), r"sources\[0\]: expected the keys name, sha256"),
        (one_term(category="sexist"), r"terms\[0\]: there is no category 'sexist'. Did you mean 'sexism'"),
        (one_term(weight="heavy"), "weight 'heavy' is not a number from 0.001 to 1000"),
        (one_term(weight=0), "weight 0 is not a number"),
        (one_term(weight=0.0001), "weight 0.0001 is not a number"),
        (one_term(term="fo\ufffdol"), "holds U\\+FFFD"),
        (one_term(term="fo\x07ol"), "holds a control character"),
        (one_term(term="x" * 65), "has 65 characters that count; expected 1 to 64"),
        (one_term(term="……"), "holds neither a letter nor a digit"),
        (one_term(term="\u200b\u200d"), "has 0 characters that count"),
        (one_term(term=7), "7 is not a text"),
        (one_term(id="0"), f"'fool' has the id '0', expected '{term_id('fool')}'. Was it changed by hand"),
        (one_term(wieght=1), "unknown key 'wieght'. Did you mean 'weight'"),
        (changed(terms=["fool"]), r"terms\[0\]: expected an object, got 'fool'"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=message) as raised:
        read_lexicon(path)
    assert raised.value.message.startswith(f"lexicon {path}: ")


def test_a_term_twice_is_refused_however_it_is_written() -> None:
    terms = [{"term": text, "category": "insult", "id": term_id(text)} for text in ("fool", "ＦＯＯＬ")]
    with pytest.raises(ConfigError, match=r"terms\[1\]: 'ＦＯＯＬ' is terms\[0\] again"):
        parse_lexicon(changed(terms=terms))


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.json: cannot be read: No such file"):
        read_lexicon(tmp_path / "none.json")
    with pytest.raises(ConfigError, match="cannot be written"):
        write_lexicon(Path("/proc/none/x.json"), made(("fool", "insult")))


def test_terms_changed_by_hand_are_read_where_that_is_meant() -> None:
    record = json.loads(changed())
    record["terms"].append({"term": "idiot", "category": "insult"})
    assert len(parse_lexicon(json.dumps(record).encode(), by_hand=True).terms) == 3


def test_weights_are_whole_thousandths() -> None:
    assert [checked_weight(weight) for weight in (1, 0.5, "0.001", 1000, 0.1)] == [
        1000,
        500,
        1,
        1_000_000,
        100,
    ]


def test_the_starter_is_a_lexicon_of_both_languages() -> None:
    lexicon = starter()
    assert set(lexicon.by_category) == set(CATEGORIES) - {"unsorted"}
    assert all(100 <= term.weight <= 1000 for term in lexicon.terms)
    english = sum(term.text.isascii() for term in lexicon.terms)
    assert 50 < english < len(lexicon.terms) - 50
