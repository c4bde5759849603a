"""Outputs of a chunk of items: cut into pieces that fit a ConfigMap, and put together again in order."""

from engine.harness import START, Story, graph_of, pod
from tidegate.engine import joining, ledger
from tidegate.engine.joining import Gathered
from tidegate.engine.ledger import Block
from tidegate.engine.run import Run
from tidegate.engine.stored import MAX_BYTES

RUN = Run("ns", "run-1", "uid-run", "flow", "rev", START)
COUNT = 500


def test_a_long_list_is_the_same_after_it_was_stored_in_pieces():
    graph = graph_of(pod("each", forEach={"items": list(range(COUNT))}))
    story = Story(graph)
    story.step()
    outputs = [{"n": number, "text": "x" * 4000} for number in range(COUNT)]
    stores = joining.store(RUN, 1, ledger.SUCCEEDED, Gathered(list(outputs)))
    assert len(stores) > 2
    assert all(sum(len(text.encode()) for text in content.data.values()) <= MAX_BYTES for content in stores)
    ended = story.state.ledger.copy()
    ended.slots[:] = b"SS"
    for order in (stores, stores[::-1]):
        names = tuple(content.name for content in order)
        ended.blocks = (Block("each", 1, 1, COUNT, COUNT, results=names),)
        data = {content.name: content.data for content in order}
        assert joining.restored(graph, ended, {}, data) == {0: outputs, 1: outputs}
