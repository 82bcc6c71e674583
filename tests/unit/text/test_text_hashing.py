from __future__ import annotations

import itertools
import random

import numpy as np
from hypothesis import given
from text_strategies import TEXTS

from datagov.text.hashing import hash_points, hash_text


def kernel_hash(text: str) -> int:
    points = np.array([ord(char) for char in text], dtype=np.uint32)
    return int(hash_points(points, 0, len(text)))


@given(TEXTS)
def test_the_kernel_and_plain_python_agree(text: str) -> None:
    assert kernel_hash(text) == hash_text(text)


def test_the_hash_is_what_it_was() -> None:
    """Stored sketches stand on it: a change here needs a new scheme name."""
    assert hash_text("datagov") == 0x44A909CFE846893E
    assert hash_text("中") == 0x970455CEDDD28E01


def test_nul_and_order_and_repetition_count() -> None:
    texts = ["", "\x00", "\x00\x00", "a", "a\x00", "\x00a", "ab", "ba", "aab", "aba", "baa"]
    assert len({hash_text(text) for text in texts}) == len(texts)


def test_short_texts_do_not_collide() -> None:
    texts = [
        "".join(chars) for n in (1, 2, 3, 4) for chars in itertools.product("abcdefghijklmnop", repeat=n)
    ]
    assert len({kernel_hash(text) for text in texts}) == len(texts)


def test_bits_are_even_and_one_character_changes_half_of_them() -> None:
    rng = random.Random(7)
    flips = []
    ones = np.zeros(64)
    for _ in range(2000):
        text = "".join(chr(rng.randrange(0x4E00, 0x9FFF)) for _ in range(rng.randrange(1, 6)))
        at = rng.randrange(len(text))
        other = text[:at] + chr(ord(text[at]) ^ 1) + text[at + 1 :]
        flips.append((hash_text(text) ^ hash_text(other)).bit_count())
        ones += [hash_text(text) >> bit & 1 for bit in range(64)]
    assert 31 < np.mean(flips) < 33
    assert (np.abs(ones / 2000 - 0.5) < 0.06).all()
