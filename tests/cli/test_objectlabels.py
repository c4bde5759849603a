"""Which labels and annotations an object may have: what an API server says of any object."""

import pytest

from tidegate.cli.objectlabels import label_problems

RULES = [
    ({"labels": {"a": "", "a.b/c": "d", "A_b.c-1": "X"}}, []),
    ({"annotations": {"a.b/c": "any text", "A.b/c": "x"}}, []),
    ({"labels": {"a": "b c"}}, ["labels a"]),
    ({"labels": {"a": "x" * 63, "b": "x" * 64}}, ["labels b"]),
    ({"labels": {"x" * 63: "", "y" * 64: ""}}, ["labels " + "y" * 64]),
    ({"labels": {f"{'d' * 253}/a": "", f"{'e' * 254}/a": ""}}, [f"labels {'e' * 254}/a"]),
    *(({"labels": {key: ""}}, [f"labels {key}"]) for key in ("A.b/c", "/a", "a/", "a/b/c", "", "-a", "a b")),
    ({"annotations": {"a b": "c"}}, ["annotations a b"]),
    ({"annotations": {"a": "x" * (256 * 1024 - 1)}}, []),
    ({"annotations": {"a": "x" * (256 * 1024)}}, ["annotations"]),
    ({"labels": ["a"], "annotations": None}, []),
    ({"labels": {"a": 1}}, []),
]


@pytest.mark.parametrize(("metadata", "expected"), RULES)
def test_labels_and_annotations_are_as_the_api_server_wants_them(metadata, expected):
    assert [" ".join(map(str, finding.keys[1:])) for finding in label_problems(metadata)] == expected
