"""The published filters as their users run them in datatrove, and MAP-CC's rules as one more of its filters.

datatrove has Gopher's, C4's and FineWeb's rules; MAP-CC's are written here the way datatrove writes its own:
one document at a time, the standard library's string methods, the first failure ends it. Imported in the
peers' environment only.
"""

from __future__ import annotations

import math
import re
from collections import Counter

from datatrove.data import Document
from datatrove.pipeline.filters import (
    C4QualityFilter,
    FineWebQualityFilter,
    GopherQualityFilter,
    GopherRepetitionFilter,
)
from datatrove.pipeline.filters.base_filter import BaseFilter
from datatrove.utils.text import PUNCTUATION_SET, split_into_words
from datatrove.utils.typeshelper import Languages

NEVER = math.inf
STOP_WORDS_ZH = [
    "的",
    "年",
    "在",
    "月",
    "是",
    "和",
    "日",
    "了",
    "於",
    "·",
    "為",
    "有",
    "被",
    "人",
    "中",
    "为",
    "他",
    "與",
    "後",
    "也",
    "而",
    "由",
]
DUPLICATES_ZH = ((5, 0.198), (6, 0.182), (7, 0.167), (8, 0.154), (9, 0.14), (10, 0.127))

BULLETS = tuple("•●○■□▪▫※·➢‣▶◀◦–")
ENDINGS = ("readmore", "展开", "更多", "。。。")
CLAUSE_END = re.compile('[.!…?;"。！？；“”．]+')
HASHES = re.compile("#+")
ELLIPSES = re.compile(r"…+|\.{2,}")
BRACKETS = re.compile("【(.*?)】")


class MapCCFilter(BaseFilter):
    """MAP-CC's document, line and repetition rules (arXiv 2404.04167), mended as in `mapcc-zh`."""

    name = "MAP-CC"

    def __init__(self, *, fires: bool = True) -> None:
        """`fires=False` computes every rule and removes nothing."""
        super().__init__()
        self.fires = fires

    def filter(self, doc: Document) -> bool | tuple[bool, str]:
        """Return whether the document passes, and the rule it failed."""
        for rule, low, value, high in self.values(doc.text):
            if self.fires and not low <= value <= high:
                return False, rule
        return True

    def values(self, text: str):
        """Yield each rule's name, lower limit, value and upper limit, computed when asked for."""
        size = len(text)
        yield "chars", 50, size, 10_000
        if not size:
            return
        yield "brackets", 0, sum(map(len, BRACKETS.findall(text))) / size, 0.1
        yield "clauses", 2, sum(bool(part.strip()) for part in CLAUSE_END.split(text)), NEVER
        words = [
            word
            for word in split_into_words(text, Languages.mandarin_chinese)
            if any(char not in PUNCTUATION_SET for char in word)
        ]
        yield "word_length", 1.3, sum(map(len, words)) / max(len(words), 1), 10
        yield "hashes", 0, len(HASHES.findall(text)) / size, 0.1
        yield "ellipses", 0, len(ELLIPSES.findall(text)) / size, 0.1
        punctuation = sum(char in PUNCTUATION_SET for char in text)
        yield "digits", 0, sum(map(str.isnumeric, text)) / max(size - punctuation, 1), 0.3
        lines = [line.strip() for line in text.split("\n") if line.strip()]
        yield "endings", 0, sum(line.lower().endswith(ENDINGS) for line in lines) / max(len(lines), 1), 0.3
        yield "bullets", 0, sum(line.startswith(BULLETS) for line in lines) / max(len(lines), 1), 0.9
        yield "punctuation", 1, punctuation, NEVER
        counts = Counter(text)
        yield "distinct", 0.1, len(counts) / size, 1
        yield "entropy", 3, -sum(n / size * math.log(n / size) for n in counts.values()), NEVER
        for n, most in ((2, 0.20), (3, 0.18), (4, 0.16)):
            grams = Counter(text[i : i + n] for i in range(size - n + 1))
            yield f"top_{n}", 0, (max(grams.values(), default=1) - 1) * n / size, most
        for n in range(5, 11):
            yield f"duplicate_{n}", 0, covered(text, n) / size, 0.6


def covered(text: str, n: int) -> int:
    """Return how many characters lie in an n-gram of characters that occurs more than once."""
    grams = [text[i : i + n] for i in range(len(text) - n + 1)]
    counts = Counter(grams)
    total = 0
    free_from = 0
    for i, gram in enumerate(grams):
        if counts[gram] > 1:
            total += i + n - max(i, free_from)
            free_from = i + n
    return total


def filters(language: str, *, fires: bool) -> list[BaseFilter]:
    """Return the filters of FineWeb (`en`), or of FineWeb2's Mandarin and MAP-CC (`zh`).

    Parameters
    ----------
    language : str
        `en` or `zh`.
    fires : bool
        False gives every rule a limit that no text crosses, so that all of them are computed: datatrove
        keeps no values, and stops at the first rule that fails.
    """
    code = Languages.mandarin_chinese if language == "zh" else Languages.english
    if not fires:
        repetition = {"dup_line_frac": NEVER, "dup_line_char_frac": NEVER}
        repetition |= {"dup_para_frac": NEVER, "dup_para_char_frac": NEVER}
        repetition |= {"top_n_grams": [(n, NEVER) for n in (2, 3, 4)]}
        repetition |= {"dup_n_grams": [(n, NEVER) for n in range(5, 11)]}
        quality = {"min_doc_words": -1, "max_doc_words": NEVER, "max_symbol_word_ratio": NEVER}
        quality |= {"min_avg_word_length": -1, "max_avg_word_length": NEVER, "min_stop_words": -1}
        quality |= {"max_bullet_lines_ratio": NEVER, "max_ellipsis_lines_ratio": NEVER}
        quality |= {"max_non_alpha_words_ratio": -1}
        lines = {"line_punct_thr": -1, "short_line_thr": NEVER}
        lines |= {"char_duplicates_ratio": NEVER, "new_line_ratio": NEVER}
    elif language == "zh":
        repetition = {"dup_line_frac": 0.287, "dup_line_char_frac": None}
        repetition |= {"dup_para_frac": None, "dup_para_char_frac": None}
        repetition |= {"top_n_grams": ((2, 0.256), (3, 0.201), (4, 0.171)), "dup_n_grams": DUPLICATES_ZH}
        quality = {"min_avg_word_length": 1, "max_avg_word_length": 5, "max_non_alpha_words_ratio": 0.735}
        lines = {"line_punct_thr": 0.106, "short_line_thr": 999}
        lines |= {"char_duplicates_ratio": 0.1, "new_line_ratio": 0.178}
    else:
        repetition, quality, lines = {}, {}, {}
    if language == "zh":
        quality["stop_words"] = STOP_WORDS_ZH
    chosen: list[BaseFilter] = [
        GopherRepetitionFilter(**repetition, language=code),
        GopherQualityFilter(**quality, language=code),
    ]
    if language == "en":
        sentences = {} if fires else {"min_num_sentences": 0}
        chosen.append(C4QualityFilter(filter_no_terminal_punct=False, **sentences))
    chosen.append(FineWebQualityFilter(**lines, language=code))
    if language == "zh":
        chosen.append(MapCCFilter(fires=fires))
    return chosen
