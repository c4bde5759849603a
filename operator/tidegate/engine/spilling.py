"""Outputs that no longer fit status leave it, into ConfigMaps that it names; many small ones become one."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tidegate.engine.naming import purpose_of
from tidegate.engine.outputs import MAX_INLINE
from tidegate.engine.run import Run
from tidegate.engine.sizes import size_of
from tidegate.engine.stored import OUTPUTS_KEY, Stored, compact, packed, stored

MOST_SMALL = 32
"""ConfigMaps of one spill each that status names; then they become one."""

_SMALL, _MERGED = "outputs", "merged"


@dataclass(frozen=True, slots=True)
class Kept:
    """Where outputs are kept: `inline` in status, else in the ConfigMaps of `refs`, by name with the slots in them."""

    inline: frozenset[int]
    refs: Mapping[str, frozenset[int]]
    stores: tuple[Stored, ...] = ()


def settle(run: Run, outputs: Mapping[int, Any], kept: Kept, label: Callable[[int], str]) -> Kept:
    """Say where outputs are kept from now on, and what must be stored for it."""
    inline = {label(slot): outputs[slot] for slot in kept.inline}
    if size_of(inline) <= MAX_INLINE:
        return kept
    spilled, stores = store(run, _SMALL, sorted(kept.inline), outputs, label)
    refs = {**kept.refs, **spilled}
    small = [name for name in refs if purpose_of(name) == _SMALL]
    if len(small) > MOST_SMALL:
        slots = sorted(frozenset().union(*(refs[name] for name in small)) & outputs.keys())
        merged, stores = store(run, _MERGED, slots, outputs, label)
        refs = {**{name: held for name, held in refs.items() if name not in small}, **merged}
    return Kept(frozenset(), refs, stores)


def read(data: Mapping[str, str]) -> dict[str, Any]:
    """Give the outputs, by label, of such a ConfigMap."""
    return dict(json.loads(data[OUTPUTS_KEY]))


def store(
    run: Run, purpose: str, slots: Sequence[int], outputs: Mapping[int, Any], label: Callable[[int], str]
) -> tuple[dict[str, frozenset[int]], tuple[Stored, ...]]:
    """Put outputs into ConfigMaps: give the names with the slots in each, and the ConfigMaps."""
    refs, stores = {}, []
    for begin, end in packed(size_of({label(slot): outputs[slot]}) for slot in slots):
        piece = slots[begin:end]
        content = stored(run, purpose, {OUTPUTS_KEY: compact({label(slot): outputs[slot] for slot in piece})})
        refs[content.name] = frozenset(piece)
        stores.append(content)
    return refs, tuple(stores)
