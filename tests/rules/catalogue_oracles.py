"""Plain-Python definitions of the catalogue's further families, one document at a time.

As `rule_oracles`: each takes a text and its words and returns the family's row; None is NULL. Entropies
are computed with 40 digits.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from decimal import Decimal, localcontext

from rule_oracles import WHITE_SPACE, Row

MILLION = 1_000_000
BULLETS = "•●○■□▪▫※·➢‣▶◀◦–"
ENDINGS = ("readmore", "展开", "更多", "。。。")


def kind(char: str) -> str:
    """General category's first letter, or `space`."""
    return "space" if char in WHITE_SPACE else unicodedata.category(char)[0]


def is_han(char: str) -> bool:
    return re.fullmatch(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufad9\u3005]", char) is not None


def entropy(items: list[str]) -> int | None:
    if not items:
        return None
    with localcontext() as context:
        context.prec = 40
        shares = [Decimal(count) / len(items) for count in Counter(items).values()]
        return int((-sum(share * share.ln() for share in shares) * MILLION).to_integral_value())


def markup_row(text: str, words: list[str]) -> Row:
    return {
        "chars": len(text),
        "opening_braces": text.count("{"),
        "braces": text.count("{") + text.count("}"),
        "lorem_ipsums": len(re.findall(r"lorem ipsum", text, re.IGNORECASE | re.ASCII)),
    }


def characters_row(text: str, words: list[str]) -> Row:
    kinds = Counter(map(kind, text))
    return {
        "chars": len(text),
        "nonspace_chars": len(text) - kinds["space"],
        "unmarked_chars": kinds["L"] + kinds["M"] + kinds["N"] + kinds["space"],
        "numbers": kinds["N"],
        "punctuation": kinds["P"],
        "special_chars": kinds["P"] + kinds["S"] + kinds["N"] + kinds["space"],
        "han_letters": sum(map(is_han, text)),
        "uppercase_letters": sum(char != char.lower() for char in text),
        "hash_runs": len(re.findall("#+", text)),
        "ellipsis_runs": len(re.findall("…+", text)) + len(re.findall(r"\.{2,}", text)),
        "bracketed_chars": sum(map(len, re.findall("【(.*?)】", text))),
    }


def distinct_characters_row(text: str, words: list[str], window_chars: int = 1000) -> Row:
    windows = [text[i : i + window_chars] for i in range(0, len(text), window_chars)]
    if len(windows) > 1 and len(windows[-1]) < window_chars:
        windows.pop()
    return {
        "chars": len(text),
        "distinct_chars": len(set(text)),
        "windowed_chars": sum(map(len, windows)),
        "windowed_distinct_chars": sum(len(set(window)) for window in windows),
        "entropy_micronats": entropy(list(text)),
        "million": MILLION,
    }


def char_repetition_row(text: str, words: list[str]) -> Row:
    grams = {n: [text[i : i + n] for i in range(len(text) - n + 1)] for n in range(2, 11)}
    counts = {n: Counter(found) for n, found in grams.items()}
    row: Row = {"chars": len(text)}
    for n in (2, 3, 4):
        row[f"top_{n}char_repeats"] = (max(counts[n].values()) - 1) * n if grams[n] else None
    for n in (5, 6, 7, 8, 9, 10):
        covered = {i + j for i, gram in enumerate(grams[n]) if counts[n][gram] > 1 for j in range(n)}
        row[f"duplicate_{n}char_chars"] = len(covered) if grams[n] else None
        distinct = {char for gram, count in counts[n].items() if count > 1 for char in gram}
        row[f"duplicate_{n}char_distinct_chars"] = len(distinct) if grams[n] else None
    return row


def char_ngrams_row(
    text: str, words: list[str], size: int = 13, skip_spaces: bool = False, lower: bool = False
) -> Row:
    if skip_spaces:
        text = "".join(char for char in text if char not in WHITE_SPACE)
    if lower:
        text = text.lower()
    counts = Counter(text[i : i + size] for i in range(len(text) - size + 1))
    frequencies = sorted(counts.values(), reverse=True)
    taken = min(math.isqrt(len(frequencies)), sum(count > 1 for count in frequencies))
    return {
        "ngrams": sum(frequencies),
        "repeated_ngrams": sum(count for count in frequencies if count > 1),
        "frequent_ngrams": sum(frequencies[:taken]),
    }


def is_wordlike(stretch: str) -> bool:
    return any(kind(char) in "LN" for char in stretch)


def sentences_row(text: str, words: list[str]) -> Row:
    end = r"\n|[。！？｡؟।．]|[.!?](?=[\"')\]}”’»」』）】]*(?:[" + WHITE_SPACE + r"]|\Z))"
    return {
        "sentences": sum(map(is_wordlike, re.split(end, text))),
        "clauses": sum(piece.strip(WHITE_SPACE) != "" for piece in re.split('[.!…?;"。！？；“”．]+', text)),
        "marked_stretches": sum(map(is_wordlike, re.split("[.!?]+", text))),
    }


def line_marks_row(
    text: str, words: list[str], bullets: str = BULLETS, endings: tuple[str, ...] = ENDINGS
) -> Row:
    pieces = text.split("\n")
    lines = [line.strip(WHITE_SPACE) for line in pieces if line.strip(WHITE_SPACE)]
    return {
        "chars": len(text),
        "pieces": len(pieces) if text else 0,
        "nonblank_lines": len(lines),
        "listed_bullet_lines": sum(line[0] in bullets for line in lines),
        "listed_ending_lines": sum(line.lower().endswith(tuple(endings)) for line in lines),
        "javascript_lines": sum("javascript" in line.lower() for line in lines),
    }


def vocabulary_row(text: str, words: list[str], ngram_size: int = 5) -> Row:
    plain = [word for word in words if not all(kind(char) in "PS" for char in word)]
    lowered = [word.lower() for word in plain]
    grams = [tuple(lowered[i : i + ngram_size]) for i in range(len(lowered) - ngram_size + 1)]
    counts = Counter(grams)
    return {
        "words": len(plain),
        "all_caps_words": sum(word.isupper() for word in plain),
        "nonletter_words": sum(not all(kind(char) == "L" for char in word) for word in words),
        "number_words": sum(all(kind(char) == "N" for char in word) for word in plain),
        "distinct_words": len(set(lowered)),
        "entropy_micronats": entropy(lowered),
        "ngrams": len(grams),
        "repeated_ngrams": sum(counts[gram] > 1 for gram in grams),
        "million": MILLION,
        "unmarked_chars": sum(kind(char) not in "PS" for char in text),
    }


def lexicon_row(text: str, words: list[str], listed: list[str]) -> Row:
    plain = [word.lower() for word in words if not all(kind(char) in "PS" for char in word)]
    terms = {term.lower() for term in listed}
    return {
        "words": len(plain),
        "listed_words": sum(word in terms for word in plain),
        "distinct_terms": sum(term in text.lower() for term in terms),
        "pieces": len(text.split("\n")) if text else 0,
    }


def refinedweb_drops(line: str, words: int) -> bool:
    """Whether RefinedWeb's line rules, as the preset has them, drop a stripped line of so many words."""
    letters = [char for char in line if kind(char) == "L"]
    low = line.lower()
    short = words <= 10
    return (
        words < 2
        or sum(char != char.lower() for char in letters) > 0.5 * len(letters)
        or re.fullmatch(r"[0-9 ,\-./%:]*[0-9][0-9 ,\-./%:]*", line) is not None
        or (short and ("items in cart" in low or low.startswith(("sign in", "sign-in"))))
        or (
            short
            and low.rstrip("…>»›→▼▾↓+[]()（）【】《》 ").endswith(("read more", "readmore", "read more..."))
        )
    )
