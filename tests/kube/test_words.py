"""Equal strings of many objects are kept once, and what the objects say stays what it was."""

import json

from tidegate.kube.words import Words

TEXT = json.dumps({"kind": "Flow", "spec": {"tasks": [{"name": "a", "image": "x" * 100, "n": 1, "on": True}, None]}})


def test_what_is_shared_says_the_same():
    assert Words().shared(json.loads(TEXT)) == json.loads(TEXT)


def test_strings_of_two_objects_are_the_same_ones_but_long_texts():
    words = Words()
    one, other = words.shared(json.loads(TEXT)), words.shared(json.loads(TEXT))
    assert one["kind"] is other["kind"]
    assert all(key is again for key, again in zip(one["spec"], other["spec"], strict=True))
    assert one["spec"]["tasks"][0]["image"] is not other["spec"]["tasks"][0]["image"]


def test_names_without_end_are_not_kept_without_end():
    words = Words()
    for number in range(25_000):
        words.shared({"name": f"flow-{number}"})
    assert len(words._known) <= 10_000
