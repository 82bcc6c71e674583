"""A tokenizer measured on text: how many tokens words, characters and bytes take, and how Chinese fares beside English."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa

from datagov.lexicons.lexicon import Lexicon
from datagov.lexicons.matcher import matcher_of
from datagov.text.batch import TextBatch
from datagov.text.segments import HAS_LETTER, HAS_NUMBER
from datagov.tokenizer import Tokenizer
from detectors.probes.token_classes import Vocabulary

__all__ = ["PARALLEL", "Phrase", "Rates", "long_phrases", "parity", "rates"]

LONG_HAN: Final = 4
"""Han characters from which a token is a phrase: few are words, and many of those that vocabularies have come from spam."""
PARALLEL: Final = (
    ("The meeting has been moved to Thursday afternoon.", "会议改到星期四下午了。"),
    ("Please keep the receipt until the goods arrive.", "货到之前请保留收据。"),
    ("She has lived in this city for eleven years.", "她在这座城市住了十一年。"),
    ("The price of rice rose by three percent last month.", "上个月大米的价格上涨了百分之三。"),
    ("Children under twelve may enter free of charge.", "十二岁以下儿童可免费入场。"),
    ("The road over the pass is closed in winter.", "冬天翻越山口的道路不通行。"),
    ("He opened the window because the room was too warm.", "房间太热，他打开了窗户。"),
    ("The committee will publish its report next week.", "委员会将于下周公布报告。"),
    ("Water boils at a lower temperature in the mountains.", "在山上，水的沸点更低。"),
    ("No one could explain why the lights went out.", "没有人能解释灯为什么灭了。"),
    ("The contract ends on the last day of June.", "合同于六月最后一天到期。"),
    ("We took the first train and arrived before noon.", "我们坐头班火车，中午以前就到了。"),
)
"""Sentences in English and Chinese that say the same; ours, and always the same, so that tokenizers can be compared."""


@dataclass(frozen=True)
class Rates:
    """What texts cost in tokens. None where there is nothing to divide by."""

    texts: int
    tokens: int
    bytes_per_token: float | None
    chars_per_token: float | None
    fertility: float | None
    """Tokens per word that has a letter or a number: words by Unicode boundaries, in texts with Han by jieba."""
    broken_fraction: float | None
    """Tokens that are no whole characters: bytes and pieces of characters, in [0, 1]."""
    one_han_fraction: float | None
    """Of tokens with Han, those of a single character."""
    changed_texts: int
    """Texts that encoding and decoding does not give back."""


@dataclass(frozen=True)
class Phrase:
    """A token that is a phrase, or holds a term of a lexicon."""

    token: int
    text: str
    han: int
    terms: tuple[str, ...]
    """Terms of the lexicon in it."""


def rates(texts: Sequence[str], tokenizer: Tokenizer, vocabulary: Vocabulary) -> Rates:
    """Return what texts cost in tokens."""
    offsets, ids = tokenizer.encode(texts)
    batch = TextBatch(pa.array(texts, pa.large_string()))
    place = np.searchsorted(vocabulary.seeds.token_N, ids)
    broken = np.isin(vocabulary.class_N, ("pure_unicode", "unicode_flanks"))[place]
    han = vocabulary.han_N[place]
    rows = [ids[offsets[row] : offsets[row + 1]].tolist() for row in range(len(texts))]
    again = tokenizer.backend.decode_batch(rows, skip_special_tokens=False)
    words = int(((batch.words.flags & (HAS_LETTER | HAS_NUMBER)) > 0).sum())
    size = sum(len(text.encode()) for text in texts)
    return Rates(
        texts=len(texts),
        tokens=len(ids),
        bytes_per_token=_ratio(size, len(ids)),
        chars_per_token=_ratio(int(batch.chars.sum()), len(ids)),
        fertility=_ratio(len(ids), words),
        broken_fraction=_ratio(int(broken.sum()), len(ids)),
        one_han_fraction=_ratio(int((han == 1).sum()), int((han > 0).sum())),
        changed_texts=sum(one != other for one, other in zip(texts, again, strict=True)),
    )


def parity(tokenizer: Tokenizer) -> float:
    """Return tokens of the Chinese sentences of `PARALLEL` over those of the English ones; 1 is parity."""
    english, chinese = (len(tokenizer.encode(list(side))[1]) for side in zip(*PARALLEL, strict=True))
    return chinese / english


def long_phrases(vocabulary: Vocabulary, lexicon: Lexicon | None = None) -> list[Phrase]:
    """Return tokens of at least `LONG_HAN` Han characters, and those that hold a term of a lexicon, longest first."""
    terms: dict[int, set[str]] = {}
    if lexicon is not None:
        found = matcher_of(lexicon).find(TextBatch(pa.array(vocabulary.text, pa.large_string())))
        rows = np.repeat(np.arange(len(vocabulary.text)), np.diff(found.offsets))
        for row, at in zip(rows, found.term, strict=True):
            terms.setdefault(int(row), set()).add(lexicon.terms[at].text)
    chosen = sorted({*np.flatnonzero(vocabulary.han_N >= LONG_HAN).tolist(), *terms})
    phrases = [
        Phrase(
            int(vocabulary.seeds.token_N[row]),
            vocabulary.text[row],
            int(vocabulary.han_N[row]),
            tuple(sorted(terms.get(row, ()))),
        )
        for row in chosen
    ]
    return sorted(phrases, key=lambda phrase: (not phrase.terms, -phrase.han, phrase.token))


def _ratio(over: int, under: int) -> float | None:
    return over / under if under else None
