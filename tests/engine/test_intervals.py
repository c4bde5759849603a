"""Sets of item numbers, as Kubernetes writes them and as people read them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.engine import intervals

TEXTS = {
    "": set(),
    "0": {0},
    "0-3,5": {0, 1, 2, 3, 5},
    "0,1": {0, 1},
    "7-9,12": {7, 8, 9, 12},
}


@pytest.mark.parametrize("text", TEXTS)
def test_intervals_are_read_as_kubernetes_writes_them(text: str):
    assert set(intervals.numbers(intervals.mask_of(text))) == TEXTS[text]


@pytest.mark.parametrize("text", ["3-1", "a", "1-", "1--2", "-3", "0-99999999999"])
def test_what_is_no_interval_is_refused(text: str):
    with pytest.raises(ValueError, match=r"."):
        intervals.mask_of(text)


@given(st.sets(st.integers(0, 3000)))
def test_a_set_is_what_was_written_of_it(numbers: set[int]):
    mask = sum(1 << number for number in numbers)
    assert intervals.mask_of(intervals.text_of(mask)) == mask
    assert set(intervals.numbers(mask)) == numbers
    assert mask == 0 or intervals.first_of(mask) == min(numbers)


@given(st.sets(st.integers(0, 3000)), st.integers(20, 200))
def test_a_text_that_is_cut_fits_and_tells_how_many_are_missing(numbers: set[int], most: int):
    mask = sum(1 << number for number in numbers)
    text = intervals.text_of(mask, most)
    assert len(text) <= most
    shown, _, left = text.partition(" and ")
    missing = int(left.removesuffix(" more")) if left else 0
    assert intervals.mask_of(shown).bit_count() + missing == len(numbers)


def test_a_set_is_made_of_claims():
    assert intervals.mask_from([True, False, True]) == 0b101
    assert intervals.mask_from([]) == 0
    assert intervals.span(2, 5) == 0b11100
