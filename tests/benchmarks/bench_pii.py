"""Personal data in texts in memory, one core: nine kinds, on both sides the same.

Run once for each system, in that system's environment, by `run.py`; prints one JSON object.

datagov starts from an Arrow column and finds, checks and places every stretch. presidio-analyzer starts from Python strings;
its own recognisers for e-mail addresses, IP addresses and credit cards, and its PatternRecognizer with a plain expression for
each Chinese kind, are called on every text. Its language model is not: what is compared is the search by pattern. The
recogniser of telephone numbers is left out on both sides: in presidio it is no pattern.
"""

from __future__ import annotations

import argparse
import json
import logging
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from bench_signals import batches
from bench_signatures import sample

WARM_UP = (
    "邮箱a@qq.com，电话13812345678，身份证11010519491231002X，网址8.8.8.8，卡号4111 1111 1111 1112，京A12345。"
    * 4
)
KINDS = ("email", "resident_id", "credit_code", "bank_card", "ip", "mobile", "landline", "plate", "passport")
CHINESE = {
    "CN_ID": r"(?<![0-9A-Za-z])\d{17}[\dXx](?![0-9A-Za-z])",
    "CN_CREDIT_CODE": r"(?<![0-9A-Za-z])[0-9A-HJ-NPQRTUWXY]{2}\d{6}[0-9A-HJ-NPQRTUWXY]{10}(?![0-9A-Za-z])",
    "CN_MOBILE": r"(?<![0-9A-Za-z])(?:(?:\+|00)?86[ -]?)?1[3-9]\d(?:\d{8}|[ -]\d{4}[ -]\d{4}|\d[ -]\d{3}[ -]\d{4})(?![0-9A-Za-z])",
    "CN_LANDLINE": r"(?<!\d)(?:\(0\d{2,3}\) ?|0\d{2,3}[- ])\d{7,8}(?!\d)",
    "CN_PLATE": r"[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼使][A-HJ-NP-Z][· ]?[A-HJ-NP-Z0-9]{4,5}[A-HJ-NP-Z0-9挂学警港澳]",
    "CN_PASSPORT": r"(?<![0-9A-Za-z])(?:[DEGPS]\d{8}|E[A-HJ-NP-Z]\d{7})(?![0-9A-Za-z])",
}


def datagov(texts: pa.LargeStringArray) -> Callable[[], int]:
    from datagov.pii.find import find
    from datagov.text.batch import TextBatch

    find(TextBatch(pa.array([WARM_UP], pa.large_string())), kinds=KINDS)
    slices = batches(texts)
    return lambda: sum(len(find(TextBatch(each), kinds=KINDS).row) for each in slices)


def presidio(texts: pa.LargeStringArray) -> Callable[[], int]:
    from presidio_analyzer import Pattern, PatternRecognizer
    from presidio_analyzer.predefined_recognizers import CreditCardRecognizer, EmailRecognizer, IpRecognizer

    logging.disable(logging.CRITICAL)  # its library of suffixes says at length that there is no network
    recognizers = [EmailRecognizer(), IpRecognizer(), CreditCardRecognizer()]
    recognizers += [
        PatternRecognizer(supported_entity=name, patterns=[Pattern(name, regex, 0.5)])
        for name, regex in CHINESE.items()
    ]
    strings = texts.to_pylist()

    def found(text: str) -> int:
        return sum(len(each.analyze(text, each.supported_entities)) for each in recognizers)

    found(WARM_UP)
    return lambda: sum(map(found, strings))


SIDES = {"datagov": datagov, "presidio": presidio}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", choices=SIDES, required=True)
    parser.add_argument("--input", type=Path, required=True)
    parser.add_argument("--limit-mb", type=float, default=32)
    parser.add_argument("--repeats", type=int, default=1)
    arguments = parser.parse_args()
    texts = sample(arguments.input, int(arguments.limit_mb * 1e6))
    measured = SIDES[arguments.side](texts)
    seconds, stretches = [], 0
    for _ in range(arguments.repeats):
        began = time.process_time()
        stretches = measured()
        seconds.append(time.process_time() - began)
    text_bytes = pc.sum(pc.binary_length(texts)).as_py()
    print(json.dumps({"stretches": stretches, "bytes": text_bytes, "cpu_seconds": min(seconds)}))


if __name__ == "__main__":
    main()
