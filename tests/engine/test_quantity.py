"""Quantities: exact, and written as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.engine import quantity


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("0", 0),
        ("1", 1),
        ("+7", 7),
        ("16Mi", 16 << 20),
        ("1.5Gi", 3 << 29),
        ("0.1Gi", 107374183),  # 107374182.4, rounded up
        (".5Ki", 512),
        ("5.", 5),
        ("100m", 1),
        ("128974848000m", 128974848),
        ("1k", 1000),
        ("129M", 129_000_000),
        ("129e6", 129_000_000),
        ("12E2", 1200),
        ("1E", 10**18),
        ("2Ei", 2 << 60),
        ("1500u", 1),
    ],
)
def test_a_quantity_is_read_exactly(text: str, amount: int):
    assert quantity.parse(text) == amount


@pytest.mark.parametrize("text", ["", "Mi", "1 Gi", "1mi", "1K", "1ki", "-1", "1e", "1.2.3", "0x10", "1GiB", "٣"])
def test_what_is_no_quantity_is_refused_and_shown(text: str):
    with pytest.raises(ValueError, match="is not a quantity"):
        quantity.parse(text)


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (0, "0"),
        (1, "1"),
        (24 << 20, "24Mi"),
        (1 << 30, "1Gi"),
        (1536 << 20, "1536Mi"),
        (150_000_000, "150M"),
        (1001, "1001"),
    ],
)
def test_a_quantity_is_written_short_and_without_loss(amount: int, text: str):
    assert quantity.written(amount) == text


@given(st.integers(min_value=0, max_value=1 << 70))
def test_what_is_written_is_read_back(amount: int):
    assert quantity.parse(quantity.written(amount)) == amount


@given(st.integers(min_value=100, max_value=1 << 50), st.integers(min_value=101, max_value=1000), st.integers(0, 50))
def test_growing_always_grows(amount: int, percent: int, times: int):
    assert quantity.scaled(amount, percent, times) < quantity.scaled(amount, percent, times + 1)
