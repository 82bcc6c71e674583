"""What datatrove's own filters compute for documents: run in the peers' environment, JSON in, JSON out.

Its filters keep no values. Their limits are replaced by objects that write down what they are compared with and are
never crossed, so that every number is the filter's own.
"""

from __future__ import annotations

import json
import sys
from functools import partial

from datatrove.data import Document
from datatrove.pipeline.filters import (
    C4QualityFilter,
    FineWebQualityFilter,
    GopherQualityFilter,
    GopherRepetitionFilter,
)
from datatrove.utils.text import PUNCTUATION_SET, TERMINAL_PUNCTUATION, split_into_words
from datatrove.utils.typeshelper import Languages

LANGUAGES = {"en": Languages.english, "zh": Languages.mandarin_chinese}
STOP_WORDS = {
    "en": ["the", "be", "to", "of", "and", "that", "have", "with"],
    "zh": [
        "的",
        "年",
        "在",
        "月",
        "是",
        "和",
        "日",
        "了",
        "有",
        "被",
        "人",
        "中",
        "为",
        "他",
        "也",
        "而",
        "由",
    ],
}


class Limit:
    """A limit that notes what it is compared with, and that nothing crosses."""

    __array_ufunc__ = None  # numpy's numbers are to ask this object, not to compare by themselves

    def __init__(self, values: dict[str, list[float]], name: str) -> None:
        self.values = values
        self.name = name

    def note(self, value: float) -> bool:
        self.values.setdefault(self.name, []).append(float(value))
        return False

    __lt__ = __gt__ = note


def values(text: str, language: str) -> dict[str, float]:
    """Return the value of every rule, by our names; where a filter does not get to a rule, there is none."""
    noted: dict[str, list[float]] = {}
    limit = partial(Limit, noted)
    code = LANGUAGES[language]
    chosen = [
        GopherRepetitionFilter(
            dup_line_frac=limit("duplicate_line_fraction"),
            dup_line_char_frac=limit("duplicate_line_chars_fraction"),
            dup_para_frac=limit("duplicate_paragraph_fraction"),
            dup_para_char_frac=limit("duplicate_paragraph_chars_fraction"),
            top_n_grams=[(n, limit(f"top_{n}gram_chars_fraction")) for n in (2, 3, 4)],
            dup_n_grams=[(n, limit(f"duplicate_{n}gram_chars_fraction")) for n in range(5, 11)],
            language=code,
        ),
        GopherQualityFilter(
            min_doc_words=limit("word_count"),
            max_doc_words=None,
            min_avg_word_length=limit("mean_word_length"),
            max_avg_word_length=None,
            max_symbol_word_ratio=limit("symbols"),
            max_bullet_lines_ratio=limit("bullet_line_fraction"),
            max_ellipsis_lines_ratio=limit("ellipsis_line_fraction"),
            max_non_alpha_words_ratio=limit("words_with_letter_fraction"),
            min_stop_words=limit("distinct_stop_word_count"),
            stop_words=STOP_WORDS[language],
            language=code,
        ),
        FineWebQualityFilter(
            line_punct_thr=limit("terminal_punctuation_line_fraction"),
            short_line_thr=limit("short_line_fraction"),
            char_duplicates_ratio=limit("duplicate_line_chars_without_newlines_fraction"),
            new_line_ratio=limit("newlines_per_word"),
            language=code,
        ),
    ]
    for each in chosen:
        each.filter(Document(text=text, id=""))
    noted["hash_per_word"], noted["ellipsis_per_word"] = ([value] for value in noted.pop("symbols"))
    return {name: found[0] for name, found in noted.items()} | markup(text, code)


def markup(text: str, code: str) -> dict[str, float]:
    """Return 1 where C4's filter drops a document for a bracket or for lorem ipsum, its line rules being off."""
    c4 = C4QualityFilter(
        remove_citations=False,
        filter_no_terminal_punct=False,
        min_num_sentences=-1,
        min_words_per_line=-1,
        max_word_length=-1,
        filter_javascript=False,
        filter_policy=False,
        language=code,
    )
    found = {}
    for option, reason, rule in (
        ("filter_lorem_ipsum", "curly_bracket", "opening_brace_count"),
        ("filter_curly_bracket", "lorem_ipsum", "lorem_ipsum_count"),
    ):
        setattr(c4, option, False)
        answer = c4.filter(Document(text=text, id=""))
        found[rule] = float(answer is not True and answer[1] == reason)
        setattr(c4, option, True)
    return found


def main() -> None:
    """Read `[{text, language}]`, write the same with `words`, `values`, and what its lists of characters hold of them.

    `symbol_words` are the words of nothing but its punctuation, `terminals` its characters that end a line.
    """
    documents = json.load(sys.stdin)
    for document in documents:
        text, language = document["text"], document["language"]
        words = list(split_into_words(text, LANGUAGES[language]))
        document["words"] = words
        document["symbol_words"] = sorted({word for word in words if PUNCTUATION_SET.issuperset(word)})
        document["terminals"] = "".join(sorted(TERMINAL_PUNCTUATION.intersection(text)))
        document["values"] = values(text, language)
    json.dump(documents, sys.stdout, ensure_ascii=False, indent=0)


if __name__ == "__main__":
    main()
