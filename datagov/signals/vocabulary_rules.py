"""What the rules of vocabulary@1 mean, and where they come from."""

from __future__ import annotations

from typing import Final

from datagov.rule import RuleInfo

__all__ = ["RULES"]

REDPAJAMA = "RedPajama-V2, github.com/togethercomputer/RedPajama-Data, natural_language.py"
NEO = "MAP-NEO (Zhang et al. 2024, arXiv 2405.19327), english_data_clean_pipeline, self_defined_rules"
ROOTS = (
    "ROOTS (Laurençon et al. 2022, arXiv 2303.03915), 01b_oscar_cleaning_and_filtering, "
    "compute_word_repetition_ratio"
)
WORDS = "Words are those with a character other than punctuation and symbols."
WORDS_DIFFER = (
    "Words come from UAX #29 (jieba-rs where there is a Han character) instead of white space: an address is "
    "several words here. "
)
BY_HASH = "Words are compared in lower case (simple mapping) by a 64-bit hash. "


RULES: Final = (
    RuleInfo(
        name="distinct_word_fraction",
        numerator="distinct_words",
        denominator="words",
        unit="words over words",
        formula=f"Different words, lower-cased, over all words. {WORDS} It falls with length.",
        value_range=(0.0, 1.0),
        null_when="no word besides punctuation and symbols",
        source=f"{REDPAJAMA}, rps_doc_frac_unique_words",
        differs=f"{WORDS_DIFFER}{BY_HASH}RedPajama-V2 deletes punctuation first; MAP-NEO is case-sensitive.",
    ),
    RuleInfo(
        name="word_entropy",
        numerator="entropy_micronats",
        denominator="million",
        unit="nats per word",
        formula=(
            "Entropy (natural logarithm) of the distribution of the lower-cased words, rounded to a millionth of a "
            f"nat. {WORDS}"
        ),
        value_range=(0.0, None),
        null_when="no word besides punctuation and symbols",
        source=f"{REDPAJAMA}, rps_doc_unigram_entropy",
        differs=f"{WORDS_DIFFER}{BY_HASH}MAP-NEO is case-sensitive.",
    ),
    RuleInfo(
        name="all_caps_word_fraction",
        numerator="all_caps_words",
        denominator="words",
        unit="words over words",
        formula=f"Words with an upper-case letter and no lower-case one, over all words. {WORDS}",
        value_range=(0.0, 1.0),
        null_when="no word besides punctuation and symbols",
        source=f"{REDPAJAMA}, rps_doc_frac_all_caps_words",
        differs=f"{WORDS_DIFFER}MAP-NEO wants every character of the word to be a letter.",
    ),
    RuleInfo(
        name="repeated_word_ngram_fraction",
        numerator="repeated_ngrams",
        denominator="ngrams",
        unit="n-grams over n-grams",
        formula=(
            "N-grams of lower-cased words (n is `ngram_size`, 5) that occur more than once, every copy counted, "
            f"over all n-grams. {WORDS}"
        ),
        value_range=(0.0, 1.0),
        null_when="fewer words than the n-gram has",
        source=ROOTS,
        differs=(
            "ROOTS takes SentencePiece's pieces for words in Chinese and white space in English, strips special "
            "characters off both ends of a word, and gives 0 for short texts. N-grams are compared by a 64-bit hash."
        ),
    ),
    RuleInfo(
        name="nonletter_words_per_char",
        numerator="nonletter_words",
        denominator="unmarked_chars",
        unit="words per character",
        formula=(
            "Words that hold a character other than letters, punctuation and symbols too, over the code points "
            "that are neither punctuation nor symbols."
        ),
        value_range=(0.0, None),
        null_when="no character besides punctuation and symbols",
        source=f"{NEO}, rule 6",
        differs="Words over characters, as the script has it. Words come from UAX #29 instead of NLTK.",
    ),
    RuleInfo(
        name="number_words_per_char",
        numerator="number_words",
        denominator="unmarked_chars",
        unit="words per character",
        formula=(
            "Words of general category N alone over the code points that are neither punctuation nor symbols."
        ),
        value_range=(0.0, None),
        null_when="no character besides punctuation and symbols",
        source=f"{NEO}, rule 7",
        differs="Words over characters, as the script has it. Words come from UAX #29 instead of NLTK.",
    ),
)
