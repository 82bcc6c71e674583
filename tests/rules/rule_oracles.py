"""Plain-Python definitions of every family's counts, one document at a time.

Each takes a text and its words and returns the family's row; None is NULL. They follow the formulas in
the rules' words, with the standard library's string methods and none of the code under test.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from itertools import groupby

WHITE_SPACE = "\t\n\v\f\r \u0085\u00a0\u1680\u2000\u2003\u200a\u2028\u2029\u202f\u205f\u3000"
TERMINAL = ".!?。！？｡؟।"

Row = dict[str, int | None]


def words_row(text: str, words: list[str]) -> Row:
    plain = [w for w in words if not all(unicodedata.category(c)[0] in "PS" for c in w)]
    return {
        "words": len(words),
        "non_symbol_words": len(plain),
        "non_symbol_word_chars": sum(map(len, plain)),
        "words_with_letter": sum(any(c.isalpha() for c in w) for w in words),
        "hashes": text.count("#"),
        "ellipses": text.count("...") + text.count("…"),
    }


def stop_words_row(text: str, words: list[str], stop_words: list[str]) -> Row:
    return {
        "distinct_stop_words": len(set(words) & set(stop_words)),
        "stop_words": sum(w in stop_words for w in words),
        "words": len(words),
    }


def lines_row(text: str, words: list[str], terminal_also: str = "", short_line_chars: int = 30) -> Row:
    pieces = text.split("\n")
    nonblank = [line for line in pieces if line.strip(WHITE_SPACE)]
    bare = [line.strip(WHITE_SPACE) for line in nonblank]
    return {
        "lines": len(pieces[:-1] if pieces[-1] == "" else pieces),
        "nonblank_lines": len(nonblank),
        "bullet_lines": sum(line.startswith(("•", "-")) for line in bare),
        "ellipsis_lines": sum(line.endswith(("...", "…")) for line in bare),
        "terminal_punctuation_lines": sum(line[-1] in TERMINAL + terminal_also for line in bare),
        "short_lines": sum(len(line) <= short_line_chars for line in nonblank),
        "newlines": text.count("\n"),
        "words": len(words),
    }


def later_copies(items: list[str]) -> list[str]:
    return [item for at, item in enumerate(items) if item in items[:at]]


def line_repetition_row(text: str, words: list[str]) -> Row:
    pieces = text.split("\n")
    lines = [line for line in pieces if line.strip(WHITE_SPACE)]
    runs = groupby(pieces, key=lambda line: line.strip(WHITE_SPACE) != "")
    paragraphs = ["\n".join(run) for visible, run in runs if visible]
    return {
        "lines": len(lines),
        "duplicate_lines": len(later_copies(lines)),
        "duplicate_line_chars": sum(map(len, later_copies(lines))),
        "paragraphs": len(paragraphs),
        "duplicate_paragraphs": len(later_copies(paragraphs)),
        "duplicate_paragraph_chars": sum(map(len, later_copies(paragraphs))),
        "chars": len(text),
        "chars_without_newlines": len(text.replace("\n", "")),
    }


def ngram_repetition_row(text: str, words: list[str]) -> Row:
    row: Row = {"chars": len(text)}
    for n in (2, 3, 4):
        grams = [tuple(words[i : i + n]) for i in range(len(words) - n + 1)]
        row[f"top_{n}gram_chars"] = None
        if grams:
            gram, count = Counter(grams).most_common(1)[0]
            row[f"top_{n}gram_chars"] = count * len(" ".join(gram))
    for n in (5, 6, 7, 8, 9, 10):
        met = set()
        repeated, at = 0, 0
        while at + n <= len(words):
            gram = tuple(words[at : at + n])
            if gram in met:
                repeated += sum(map(len, gram))
                at += n
            else:
                met.add(gram)
                at += 1
        row[f"duplicate_{n}gram_chars"] = repeated if len(words) >= n else None
    return row
