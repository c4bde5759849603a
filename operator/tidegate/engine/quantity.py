"""Quantities of Kubernetes, such as 64Mi or 100m, as exact integers; no float ever touches them.

Knows the notation only, not what a quantity is of.
"""

import re
from fractions import Fraction

_BINARY = {f"{letter}i": 1 << 10 * power for power, letter in enumerate("KMGTPE", 1)}
_DECIMAL = {"k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "P": 10**15, "E": 10**18}
_SMALL = {"n": Fraction(1, 10**9), "u": Fraction(1, 10**6), "m": Fraction(1, 10**3)}
_SUFFIXES: dict[str, Fraction] = {
    "": Fraction(1),
    **_SMALL,
    **{name: Fraction(factor) for name, factor in {**_DECIMAL, **_BINARY}.items()},
}
_PATTERN = re.compile(
    r"(?P<number>\+?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+))"
    r"(?:[eE](?P<exponent>[+-]?[0-9]{1,2})|(?P<suffix>[numkKMGTPE]i?))?"
)


def parse(text: str) -> int:
    """Give a quantity in whole units, rounded up as Kubernetes does.

    Raises:
        ValueError: it is not a quantity of zero or more.
    """
    match = _PATTERN.fullmatch(text)
    suffix = (match["suffix"] or "") if match else ""
    if match is None or suffix not in _SUFFIXES:
        raise ValueError(f'"{text}" is not a quantity; expected something like 512Mi, 1.5Gi or 1000000000')
    factor = _SUFFIXES[suffix]
    if match["exponent"]:
        factor = Fraction(10) ** int(match["exponent"])
    return _rounded_up(Fraction(match["number"].removeprefix("+").removesuffix(".")) * factor)


def scaled(amount: int, percent: int, times: int) -> int:
    """Give an amount after it grew so many times to `percent` of what it was, rounded up once, at the end."""
    return _rounded_up(Fraction(amount * percent**times, 100**times))


def written(amount: int) -> str:
    """Write an amount with the largest suffix that loses nothing, binary ones first."""
    for suffixes in (_BINARY, _DECIMAL):
        for suffix, factor in reversed(suffixes.items()):
            if amount and amount % factor == 0:
                return f"{amount // factor}{suffix}"
    return str(amount)


def _rounded_up(value: Fraction) -> int:
    return -(-value.numerator // value.denominator)
