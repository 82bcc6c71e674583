"""Languages by lingua, against the library asked for one text."""

from __future__ import annotations

from typing import Any

import lingua
import pyarrow as pa
import pytest

from datagov import policy, signals
from datagov.errors import ConfigError
from datagov.extras import named
from datagov.labels import label_of
from datagov.text.batch import TextBatch

TEXTS = ["How are you?", "我们在北京的大学里学习。", "Wie geht es dir heute?", "", "123 …", "o" * 3000]


def rows(texts: list[str], **params: Any) -> list[tuple[str | None, float | None]]:
    family = signals.family("lingua")
    resolved = signals.resolve_params(family, params)
    found = policy.values(
        family.measure(TextBatch(pa.array(texts, pa.large_string())), resolved), family.rules
    )
    names = [None if code is None else label_of(code) for code in found["lingua_language"].to_pylist()]
    return list(zip(names, found["lingua_language_score"].to_pylist(), strict=True))


def test_label_and_score_are_the_librarys() -> None:
    detector = lingua.LanguageDetectorBuilder.from_all_languages().build()
    for text, (label, score) in zip(TEXTS, rows(TEXTS), strict=True):
        best = detector.detect_language_of(text[:2000])
        assert label == (best and best.iso_code_639_1.name.lower())
        if best is not None:
            assert score == pytest.approx(detector.compute_language_confidence(text[:2000], best), abs=1e-6)


def test_languages_to_choose_from_and_the_part_looked_at() -> None:
    assert [label for label, _ in rows(TEXTS[:3], languages=["zh", "de"])] == ["de", "zh", "de"]
    assert rows(["你好" * 5 + "How are you?"], max_chars=10, languages=["zh", "en"]) == [("zh", 1.0)]
    family = signals.family("lingua")
    assert family.labels is not None
    assert family.labels({"languages": ["de", "zh"]}) == ("de", "zh")
    assert len(family.labels({"languages": []})) == len(lingua.Language.all())


@pytest.mark.parametrize(
    ("params", "wrong"),
    [
        ({"languages": ["zh", "eng"]}, "lingua knows no 'eng'"),
        ({"languages": ["zh"]}, "name two or more"),
        ({"languages": "zh"}, "must be a list"),
        ({"max_chars": 0}, "max_chars must be a whole number above 0, not 0"),
        ({"library": "lingua-language-detector 0.1"}, "is asked for"),
    ],
)
def test_what_cannot_be_used_is_refused(params: dict[str, Any], wrong: str) -> None:
    with pytest.raises(ConfigError, match=wrong):
        signals.resolve_params(signals.family("lingua"), params)


def test_parameters_are_recorded_in_order() -> None:
    resolved = signals.resolve_params(signals.family("lingua"), {"languages": ["zh", "en", "zh"]})
    assert resolved == {
        "languages": ["en", "zh"],
        "max_chars": 2000,
        "library": named("lingua-language-detector"),
    }
