"""What a candidate has to pass besides its form: areas, top-level domains, numbering plans, global addresses."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Collection, Mapping
from functools import cache
from typing import Any, Final

from datagov.errors import ConfigError, did_you_mean
from datagov.extras import load

__all__ = ["CONTEXT_CHARS", "Check", "check_of", "check_regions"]

Check = Callable[[str, str], "tuple[int, int] | None"]
"""Takes a candidate in half-width characters and the text before it; returns which stretch of the candidate is
personal data, or None."""

CONTEXT_CHARS: Final = 24
"""How much of the text before a candidate its check is given."""
PASSPORT_WORDS: Final = re.compile("护照|護照|passport", re.IGNORECASE)
PASSPORT: Final = re.compile("[DEGPS][0-9]{8}|E[A-HJ-NP-Z][0-9]{7}", re.IGNORECASE)


def check_of(kind: str, *, regions: tuple[str, ...], by: str | None) -> Check | None:
    """Return the check of a kind; None where the form is all.

    Parameters
    ----------
    kind : str
    regions : tuple of str
        Two-letter codes of regions whose national telephone numbers count.
    by : str or None
        The libraries the work was planned with, as `extras.named` says them; None takes any version.

    Raises
    ------
    ConfigError
        A library is missing, or of another version than planned with.
    """
    makers: Mapping[str, Callable[[], Check]] = {
        "email": lambda: email_check(by),
        "resident_id": lambda: resident_id_check(by),
        "credit_code": lambda: credit_code_check(by),
        "ip": lambda: is_global,
        "landline": lambda: landline_check(by),
        "phone": lambda: phone_check(regions, by),
        "passport": lambda: is_passport,
    }
    return makers[kind]() if kind in makers else None


def whole(text: str, *, holds: bool) -> tuple[int, int] | None:
    """Return the whole candidate where something holds of it."""
    return (0, len(text)) if holds else None


def email_check(by: str | None) -> Check:
    """Return the check that an address ends in a listed top-level domain: `icon@2x.png` does not."""
    suffixes = suffix_list(by)

    def check(text: str, _: str) -> tuple[int, int] | None:
        last = text.rpartition(".")[2].lower()
        return whole(text, holds=suffixes.publicsuffix(f"x.{last}") is not None)

    return check


@cache
def suffix_list(by: str | None) -> Any:
    """Return the public suffix list that the library holds; it asks no network."""
    return load("publicsuffixlist", expected=by).PublicSuffixList(accept_unknown=False)


def resident_id_check(by: str | None) -> Check:
    """Return the check that the first six digits are, or ever were, an area."""
    areas = load("python-stdnum", expected=by, module="stdnum.numdb").get("cn/loc")

    def check(text: str, _: str) -> tuple[int, int] | None:
        return whole(text, holds=any("county" in facts for _, facts in areas.info(text[:6])))

    return check


def credit_code_check(by: str | None) -> Check:
    """Return the check of form and check digit."""
    uscc = load("python-stdnum", expected=by, module="stdnum.cn.uscc")

    def check(text: str, _: str) -> tuple[int, int] | None:
        return whole(text, holds=uscc.is_valid(text))

    return check


@cache
def global_address(text: str) -> bool:
    """Whether it is an address that is routed on the Internet; IPv6 only where it is a global unicast address."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    unicast = isinstance(address, ipaddress.IPv4Address) or address in ipaddress.ip_network("2000::/3")
    return unicast and address.is_global and not address.is_multicast


def is_global(text: str, _: str) -> tuple[int, int] | None:
    """Return the whole of a global address."""
    return whole(text, holds=global_address(text))


def is_passport(text: str, before: str) -> tuple[int, int] | None:
    """Return the whole of a passport's number that is called one."""
    return whole(
        text, holds=PASSPORT.fullmatch(text) is not None and PASSPORT_WORDS.search(before) is not None
    )


def landline_check(by: str | None) -> Check:
    """Return the check that a number is one of a fixed line in China."""
    numbers = load("phonenumbers", expected=by)
    fixed = (numbers.PhoneNumberType.FIXED_LINE, numbers.PhoneNumberType.FIXED_LINE_OR_MOBILE)

    def check(text: str, _: str) -> tuple[int, int] | None:
        try:
            parsed = numbers.parse(text, "CN")
        except numbers.NumberParseException:
            return None
        china = parsed.country_code == 86 and numbers.is_valid_number(parsed)
        return whole(text, holds=china and numbers.number_type(parsed) in fixed)

    return check


def phone_check(regions: tuple[str, ...], by: str | None) -> Check:
    """Return the check that a stretch holds a number valid by the plan of its country, or of one of the regions."""
    numbers = load("phonenumbers", expected=by)

    def check(text: str, _: str) -> tuple[int, int] | None:
        for region in (None, *regions):
            if region is None and "+" not in text:
                continue
            for match in numbers.PhoneNumberMatcher(text, region):
                return match.start, match.end
        return None

    return check


def check_regions(regions: Collection[str]) -> list[str]:
    """Return the different regions, sorted, after a look whether each has a numbering plan.

    Raises
    ------
    ConfigError
        A region is unknown, or the library that knows them is missing.
    """
    if not regions:
        return []
    known = load("phonenumbers", expected=None).SUPPORTED_REGIONS
    for region in regions:
        if region not in known:
            raise ConfigError(
                f"regions: there is no region {region!r}; they are codes of two capital letters, such as US. "
                f"{did_you_mean(region.upper(), known)}"
            )
    return sorted(set(regions))
