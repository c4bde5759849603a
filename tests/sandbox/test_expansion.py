"""`$(NAME)` as Kubernetes replaces it."""

import pytest

from tidegate.sandbox.expansion import expand

VALUES = {"A": "x", "B": "$(A)", "EMPTY": ""}


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("$(A)", "x"),
        ("-$(A)-$(A)", "-x-x"),
        ("$(EMPTY)", ""),
        ("$(B)", "$(A)"),
        ("$(UNKNOWN)", "$(UNKNOWN)"),
        ("$$(A)", "$(A)"),
        ("$$$(A)", "$x"),
        ("$$$$(A)", "$$(A)"),
        ("$A $", "$A $"),
        ("$(A", "$(A"),
        ("$($(A)", "$($(A)"),
        ("$()", "$()"),
        ("$${A} $$", "${A} $"),
    ],
)
def test_references_are_replaced_once(text, result):
    assert expand(text, VALUES) == result
