"""Made personal data of every kind, and for each the same with something wrong; no test functions.

Check digits are computed here from the standards' formulas, not with the code under test.
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable, Sequence

Draw = random.Random

AREAS = ("110105", "310104", "440305", "360426", "510107", "620102", "710000")
ID_CHECKS = "10X98765432"
"""GB 11643-1999, by the weighted sum modulo 11. A table that is often copied has 10X97865432."""
ID_WEIGHTS = [pow(2, 17 - i, 11) for i in range(17)]
CODE_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
PROVINCES = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"
PLATE_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"
USED_FOR_ENERGY = "ABCDEFGHJK"


def digits(draw: Draw, count: int) -> str:
    return "".join(draw.choices("0123456789", k=count))


def id_check(body: str) -> str:
    return ID_CHECKS[sum(int(digit) * weight for digit, weight in zip(body, ID_WEIGHTS, strict=True)) % 11]


def resident_id(draw: Draw) -> str:
    day = dt.date(1930, 1, 1) + dt.timedelta(days=draw.randrange(33_000))
    body = f"{draw.choice(AREAS)}{day:%Y%m%d}{digits(draw, 3)}"
    return body + id_check(body)


def wrong_resident_id(draw: Draw) -> str:
    number = resident_id(draw)
    wrong = draw.choice(("check", "date", "area", "short", "long", "lettered"))
    if wrong == "check":
        return number[:-1] + ID_CHECKS[(ID_CHECKS.index(number[-1]) + 1) % 11]
    if wrong == "date":
        body = (
            number[:6]
            + draw.choice(("19900230", "19901301", "19900431", "17990101", "21000101"))
            + number[14:17]
        )
        return body + id_check(body)
    if wrong == "area":
        body = draw.choice(("990101", "000000", "119999")) + number[6:17]
        return body + id_check(body)
    return {"short": number[1:], "long": number[:17] + "1" + number[17:] + "3", "lettered": f"A{number}"}[
        wrong
    ]


def luhn_check(body: str) -> str:
    total = 0
    for place, digit in enumerate(reversed(body)):
        doubled = int(digit) * 2 if place % 2 == 0 else int(digit)
        total += doubled - 9 if doubled > 9 else doubled
    return str(-total % 10)


def card_number(draw: Draw) -> str:
    first, size = draw.choice(
        [("62", 16), ("62", 17), ("62", 18), ("62", 19), ("4", 16), ("53", 16), ("2221", 16), ("2720", 16),
         ("37", 15), ("34", 15), ("3528", 16), ("3589", 16)]
    )  # fmt: skip
    body = first + digits(draw, size - len(first) - 1)
    return body + luhn_check(body)


def grouped(draw: Draw, number: str) -> str:
    if len(number) == 15:
        groups = [number[:4], number[4:10], number[10:]]
    elif len(number) in (16, 19):
        groups = [number[at : at + 4] for at in range(0, len(number), 4)]
    else:
        return number
    return draw.choice(("", " ", "-")).join(groups)


def is_resident_id(number: str) -> bool:
    """Whether a card's number could be taken for a resident's, which goes before."""
    return len(number) == 18 and number[:6] in AREAS and id_check(number[:17]) == number[17]


def bank_card(draw: Draw) -> str:
    return grouped(draw, card_number(draw))


def wrong_bank_card(draw: Draw) -> str:
    number = card_number(draw)
    wrong = draw.choice(("check", "issuer", "short", "spaced"))
    if wrong == "check":
        return grouped(draw, number[:-1] + str((int(number[-1]) + 1) % 10))
    if wrong == "issuer":
        body = draw.choice(("70", "10", "90", "2220", "2721")) + number[4:-1]
        return body + luhn_check(body)
    if wrong == "short":
        return luhn_card(draw, "62", 15)
    return f"{number[:2]} {number[2:]}"


def luhn_card(draw: Draw, first: str, size: int) -> str:
    body = first + digits(draw, size - len(first) - 1)
    return body + luhn_check(body)


def credit_code(draw: Draw) -> str:
    body = f"9{draw.choice('123')}{draw.choice(AREAS)}" + "".join(draw.choices(CODE_ALPHABET, k=9))
    return body + code_check(body)


def code_check(body: str) -> str:
    total = sum(CODE_ALPHABET.index(sign) * pow(3, place, 31) for place, sign in enumerate(body))
    return CODE_ALPHABET[-total % 31]


def wrong_credit_code(draw: Draw) -> str:
    code = credit_code(draw)
    wrong = draw.choice(("check", "letter", "short", "long"))
    if wrong == "check":
        return code[:-1] + CODE_ALPHABET[(CODE_ALPHABET.index(code[-1]) + 1) % 31]
    return {"letter": code[:9] + "I" + code[10:], "short": code[:-1], "long": f"{code}A"}[wrong]


def mobile(draw: Draw) -> str:
    number = f"1{draw.choice('3456789')}{digits(draw, 9)}"
    form = draw.choice(
        ("{n}", "{n}", "{a} {b} {c}", "{a}-{b}-{c}", "{d} {e} {c}", "+86{n}", "+86 {n}", "0086{n}", "86-{n}")
    )
    parts = {
        "n": number,
        "a": number[:3],
        "b": number[3:7],
        "c": number[7:],
        "d": number[:4],
        "e": number[4:7],
    }
    return form.format(**parts)


def wrong_mobile(draw: Draw) -> str:
    number = f"1{draw.choice('3456789')}{digits(draw, 9)}"
    return draw.choice(
        (f"1{draw.choice('012')}{number[2:]}", number[:-1], f"{number}7", f"0.{number}", f"{number}.5", f"x{number}",
         f"{number}a", f"{number[:3]} {number[3:7]}-{number[7:]}", f"2023-{number}", f"_{number}")
    )  # fmt: skip


def landline(draw: Draw) -> str:
    area, rest = draw.choice((("010", 8), ("021", 8), ("020", 8), ("0755", 8), ("0571", 8), ("0931", 7)))
    number = draw.choice("68") + digits(draw, rest - 1)
    return draw.choice(("{a}-{n}", "({a}){n}", "({a}) {n}", "{a} {n}", "（{a}）{n}")).format(a=area, n=number)


def wrong_landline(draw: Draw) -> str:
    number = "6" + digits(draw, 7)
    return draw.choice(
        (f"010-{number[:5]}", f"0001-{number}", f"010{number}", f"010-{number}9", f"010--{number}")
    )


def email(draw: Draw) -> str:
    name = draw.choice(("li.lei", "zhang_san", "a", "13800000000", "x+y", "wang-wu"))
    return f"{name}@{draw.choice(('qq.com', '163.com', 'mail.pku.edu.cn', 'Example.ORG', 'xn--fiqs8s.cn'))}"


def wrong_email(draw: Draw) -> str:
    return draw.choice(
        (
            "icon@2x.png",
            "user@localhost",
            "@handle.com",
            "a@b",
            "li lei @ qq.com",
            "a@-b.",
            "x@y.notld",
            "a.@",
        )
    )


def ip(draw: Draw) -> str:
    four = (
        f"{draw.choice((8, 52, 101, 202))}.{draw.randrange(256)}.{draw.randrange(256)}.{draw.randrange(256)}"
    )
    return draw.choice((four, f"2001:4860:{draw.randrange(1, 9999)}::{draw.randrange(1, 9999)}"))


def wrong_ip(draw: Draw) -> str:
    return draw.choice(
        ("10.0.0.1", "192.168.1.7", "127.0.0.1", "8.8.8.256", "8.8.8", "8.8.8.8.8", "v8.8.8.8", "08.8.8.8", "fe80::1",
         "12:30:45", "std::vector", "::1", "a::b::c", "0.1.2.3", "224.0.0.1")
    )  # fmt: skip


def phone(draw: Draw) -> str:
    exchange = f"{draw.choice('23456789')}{draw.choice('2345678')}{draw.choice('2345678')}"
    return draw.choice(
        ("+1 650-{x}-{n}", "+1 (650) {x}-{n}", "+1650{x}{n}", "+44 20 7946 {n}", "+852 25{y} {n}")
    ).format(x=exchange, y=exchange[1:], n=f"0{digits(draw, 3)}")


def wrong_phone(draw: Draw) -> str:
    return draw.choice(("+1 650-123-456", "+999 650 253 0000", "1 650-253-0000", "+12", "+1 050-253-0000"))


def plate(draw: Draw) -> str:
    place = draw.choice(PROVINCES) + draw.choice(PLATE_LETTERS)
    number = draw.choice(
        (digits(draw, 5), digits(draw, 4) + draw.choice(PLATE_LETTERS), draw.choice(USED_FOR_ENERGY) + digits(draw, 5),
         digits(draw, 5) + draw.choice(USED_FOR_ENERGY), digits(draw, 4) + "警")
    )  # fmt: skip
    return place + draw.choice(("", "·", " ")) + number


def wrong_plate(draw: Draw) -> str:
    return draw.choice(
        ("中A12345", "京I12345", "京1A2345", "京A1234", "京A1234567", "京ABCDE1", "京A1I345", "京A座12345")
    )


def passport(draw: Draw) -> str:
    number = draw.choice(
        (f"{draw.choice('EGDSP')}{digits(draw, 8)}", f"E{draw.choice('ABCDEFGH')}{digits(draw, 7)}")
    )
    return f"{draw.choice(('护照号：', '護照', 'Passport No. '))}{number}"


def wrong_passport(draw: Draw) -> str:
    return draw.choice(("订单E12345678", "护照E1234567", "护照E123456789", "护照X12345678", "护照EI1234567"))


MAKERS: dict[str, tuple[Callable[[Draw], str], Callable[[Draw], str]]] = {
    "email": (email, wrong_email),
    "resident_id": (resident_id, wrong_resident_id),
    "credit_code": (credit_code, wrong_credit_code),
    "bank_card": (bank_card, wrong_bank_card),
    "ip": (ip, wrong_ip),
    "mobile": (mobile, wrong_mobile),
    "landline": (landline, wrong_landline),
    "phone": (phone, wrong_phone),
    "plate": (plate, wrong_plate),
    "passport": (passport, wrong_passport),
}
"""Kind -> makers of a right one, and of one with something wrong."""

AROUND: Sequence[tuple[str, str]] = (
    ("", ""), ("请联系", "谢谢"), ("：", "，"), ("Contact ", ", please."), ("(", ")"), ("\n", "\n"), ("“", "”。"),
)  # fmt: skip
"""What stands before and after; letters of English never touch."""


def made(kind: str, count: int, *, wrong: bool = False) -> list[tuple[str, str]]:
    """`count` texts around one thing of a kind each, and what is in it; the same each time."""
    draw = random.Random(f"{kind} {wrong}")
    found = []
    while len(found) < count:
        thing = MAKERS[kind][wrong](draw)
        before, after = draw.choice(AROUND)
        found.append((f"{before}{thing}{after}", thing))
    return found
