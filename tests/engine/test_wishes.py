"""What is wanted of a run: of its user's wish and the operator's own the stricter holds."""

import pytest

from tidegate.engine.wishes import STRICTNESS, Stop, wish_of


@pytest.mark.parametrize("desired", STRICTNESS)
@pytest.mark.parametrize("stop", STRICTNESS)
def test_of_two_wishes_the_stricter_holds(desired: str, stop: str):
    wish = wish_of(desired, Stop(stop, "DeadlineExceeded", "it took too long"))
    assert wish.state == max(desired, stop, key=STRICTNESS.__getitem__)
    assert (wish.reason, wish.message) == ("DeadlineExceeded", "it took too long")


@pytest.mark.parametrize("desired", STRICTNESS)
def test_what_the_user_wants_holds_by_itself(desired: str):
    assert wish_of(desired, None).state == desired


def test_a_word_nobody_knows_is_no_wish():
    assert wish_of("Whatever", None).state == "Running"
