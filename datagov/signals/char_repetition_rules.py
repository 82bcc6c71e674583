"""What the rules of char_repetition@1 mean, and where they come from."""

from __future__ import annotations

from typing import Final

from datagov.rule import RuleInfo

__all__ = ["DUPLICATE_SIZES", "RULES", "TOP_SIZES"]

TOP_SIZES: Final = (2, 3, 4)
DUPLICATE_SIZES: Final = (5, 6, 7, 8, 9, 10)

MAP_CC = (
    "MAP-CC (Du et al. 2024, arXiv 2404.04167), released filter/filter.py, duplicates_rules; the limits of its "
    "top n-grams are those of Rae et al. 2021, arXiv 2112.11446, Table A1"
)
WORDS = "On characters: `duplicate_5gram_chars_fraction` and its kin count words, with far lower values. "


def top_rule(n: int) -> RuleInfo:
    """Return the rule on the most frequent n-gram."""
    return RuleInfo(
        name=f"top_{n}char_fraction",
        numerator=f"top_{n}char_repeats",
        denominator="chars",
        unit="characters of n-grams over characters",
        formula=(
            f"Occurrences (overlapping ones too) of the most frequent {n}-gram of characters, less one, times "
            f"{n}, over all characters."
        ),
        value_range=(0.0, None),
        null_when=f"fewer than {n} characters",
        source=MAP_CC,
        differs="Gopher's rule is on words and counts the first occurrence too, see `top_2gram_chars_fraction`.",
    )


def duplicate_rule(n: int) -> RuleInfo:
    """Return the rule on repeated n-grams, as it was meant."""
    return RuleInfo(
        name=f"duplicate_{n}char_fraction",
        numerator=f"duplicate_{n}char_chars",
        denominator="chars",
        unit="characters over characters",
        formula=(
            f"Characters that lie in some {n}-gram of characters that occurs more than once, first copies "
            f"included, each counted once, over all characters."
        ),
        value_range=(0.0, 1.0),
        null_when=f"fewer than {n} characters",
        source=MAP_CC,
        differs=(
            f"{WORDS}The released script counts different characters instead of positions, see "
            f"`duplicate_{n}char_distinct_fraction`, and then drops nothing whatever the value."
        ),
    )


def compat_rule(n: int) -> RuleInfo:
    """Return the rule on repeated n-grams, as the released script has it."""
    return RuleInfo(
        name=f"duplicate_{n}char_distinct_fraction",
        numerator=f"duplicate_{n}char_distinct_chars",
        denominator="chars",
        unit="characters over characters",
        formula=(
            f"Different characters among those that lie in some {n}-gram of characters that occurs more than "
            f"once, over all characters."
        ),
        value_range=(0.0, 1.0),
        null_when=f"fewer than {n} characters",
        source=MAP_CC,
        differs=(
            f"As the released script computes it, to be laid beside `duplicate_{n}char_fraction`, which is what "
            "was meant. It falls with length. Each such character stands at least twice, so that the value is at most 0.5: no text "
            "crosses the limit of 0.6 of the script."
        ),
    )


RULES: Final = (
    *map(top_rule, TOP_SIZES),
    *map(duplicate_rule, DUPLICATE_SIZES),
    *map(compat_rule, DUPLICATE_SIZES),
)
