"""The kinds of personal data that are looked for: what each is, and how its form and content are checked."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from datagov.errors import ConfigError, did_you_mean

__all__ = ["KINDS", "NAMES", "Kind", "chosen_kinds", "libraries_of", "tag_of"]


@dataclass(frozen=True)
class Kind:
    """One kind of personal data."""

    name: str
    what: str
    """What counts as one, and which check it has to pass."""
    source: str
    library: str | None = None
    """The optional library that its check needs."""


KINDS: Final = (
    Kind(
        "email",
        "an e-mail address of ASCII characters whose domain ends in a listed top-level domain",
        "RFC 5321 in the common subset; top-level domains of publicsuffix.org",
        "publicsuffixlist",
    ),
    Kind(
        "resident_id",
        "18 characters, the last a digit or X: an area of GB/T 2260, of any year, a date from 1800 to 2099, and the check "
        "digit of ISO 7064 MOD 11-2. The form of 15 digits, which has no check digit, is not looked for",
        "GB 11643-1999",
        "python-stdnum",
    ),
    Kind(
        "credit_code",
        "18 characters: a unified social credit code, eight digits first, with its check digit modulo 31",
        "GB 32100-2015, as in python-stdnum, stdnum.cn.uscc",
        "python-stdnum",
    ),
    Kind(
        "bank_card",
        "15 to 19 digits, unbroken or as 4-4-4-4, 4-4-4-4-3 or 4-6-5, with the check digit of Luhn and a first number of "
        "UnionPay (62; 16 to 19 digits), Visa (4; 16), Mastercard (51 to 55, 2221 to 2720; 16), JCB (3528 to 3589; 16) or "
        "American Express (34, 37; 15); not where all digits but the first are the same (2333333333333333 is laughter)",
        "ISO/IEC 7812-1; the issuers' published ranges",
    ),
    Kind("ip", "an IPv4 or IPv6 address that is global", "datatrove 0.10.1, pii.py; Python's ipaddress"),
    Kind(
        "mobile",
        "a Chinese mobile number: 1, then 3 to 9, then nine digits, unbroken or as 3-4-4 or 4-3-4; +86, 0086 or a set-off 86 "
        "may go before",
        "the numbering plan of the Ministry of Industry and Information Technology",
    ),
    Kind(
        "landline",
        "a Chinese landline number whose area code is set off by a hyphen, a space or parentheses, valid by its "
        "area's plan",
        "phonenumbers (libphonenumber), region CN",
        "phonenumbers",
    ),
    Kind(
        "phone",
        "a number written with + and its country code, valid by that country's plan; in the national form as well for the "
        "regions that the option `regions` names",
        "phonenumbers (libphonenumber), leniency VALID",
        "phonenumbers",
    ),
    Kind(
        "plate",
        "a Chinese number plate: province, letter, and five characters (three digits at least), or the six of new-energy "
        "vehicles",
        "GA 36-2018",
    ),
    Kind(
        "passport",
        "a Chinese passport number, E, G, D, S or P and eight digits or E, a letter and seven, where 护照, 護照 or "
        "passport stands within the 24 characters before it: the form has no check",
        "the forms of passports issued since 1997",
    ),
)
"""All kinds. Where two kinds claim the same characters, the one listed first has them."""

NAMES: Final = tuple(kind.name for kind in KINDS)


def chosen_kinds(names: Collection[str]) -> tuple[Kind, ...]:
    """Return the kinds called `names`, in the order of `KINDS`.

    Raises
    ------
    ConfigError
        A name is unknown, or none is given.
    """
    for name in names:
        if name not in NAMES:
            raise ConfigError(f"there is no kind of personal data {name!r}. {did_you_mean(name, NAMES)}")
    if not names:
        raise ConfigError(f"kinds: names no kind of personal data; there are {', '.join(NAMES)}")
    return tuple(kind for kind in KINDS if kind.name in names)


def libraries_of(kinds: Sequence[Kind]) -> list[str]:
    """Return the optional libraries that the checks of these kinds need."""
    return sorted({kind.library for kind in kinds if kind.library is not None})


def tag_of(kind: str) -> str:
    """Return what stands in place of personal data of a kind unless a recipe says otherwise."""
    return f"<PI:{kind.upper()}>"
