"""The items of a fan-out as texts, and cut into ConfigMaps that fit."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.harness import START
from tidegate.engine import items
from tidegate.engine.items import ItemsError
from tidegate.engine.run import Run
from tidegate.engine.stored import MAX_BYTES

RUN = Run("ns", "run", "uid-1", "flow", "flow-abc", START)
TEXTS: list[tuple[Any, str]] = [
    ("as it is", "as it is"),
    ("", ""),
    ("naïve\n", "naïve\n"),
    (3, "3"),
    (None, "null"),
    (True, "true"),
    ({"a": ["ü", 1]}, '{"a":["ü",1]}'),
]


@pytest.mark.parametrize(("item", "text"), TEXTS)
def test_an_items_file_holds_text_as_it_is_and_anything_else_as_json(item: Any, text: str):
    assert items.texts_of([item]) == [text]


def test_half_a_surrogate_pair_is_no_text():
    with pytest.raises(ItemsError, match="item 1 has half a surrogate pair"):
        items.texts_of(["fine", "\ud800"])


sizes = st.lists(st.integers(0, 400_000), min_size=1, max_size=30)


@given(sizes, st.integers(1, 500))
def test_every_chunk_fits_and_none_is_larger_than_asked_for(lengths: list[int], most: int):
    texts = ["x" * length for length in lengths]
    size = items.chunk_size(texts, most)
    maps = items.configmaps(RUN, texts, size)
    assert size <= most
    assert all(sum(len(key) + len(value) for key, value in one.data.items()) <= MAX_BYTES for one in maps)
    read = [one.data[str(place)] for one in maps for place in range(len(one.data) // 2)]
    assert read == texts


@given(sizes)
def test_the_map_that_holds_an_item_follows_from_how_many_there_are(lengths: list[int]):
    texts = ["x" * length for length in lengths]
    maps = items.configmaps(RUN, texts, items.even_size(texts))
    size = items.chunk_holding(len(texts), len(maps))
    for number, text in enumerate(texts):
        data = maps[number // size].data
        assert (data[str(number % size)], data[f"{number % size}.index"]) == (text, str(number))


def test_the_same_items_have_the_same_names_and_other_runs_others():
    first, again = (items.configmaps(RUN, ["a"], 1)[0].name for _ in range(2))
    other = items.configmaps(Run("ns", "run", "uid-2", "flow", "flow-abc", START), ["a"], 1)[0].name
    assert first == again != other
