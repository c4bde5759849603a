"""Which local variables of a suspended function can still be read: the others cannot matter, and are not compared.

Worked out from the bytecode, backwards, in favour of "can be read" wherever there is doubt: so no state is ever taken
for another that goes on differently.
"""

import dis
from collections.abc import Iterable, Iterator
from functools import cache
from types import CodeType
from typing import Any

_ENDS = frozenset({"RETURN_VALUE", "RETURN_CONST", "RAISE_VARARGS", "RERAISE", "JUMP_FORWARD", "JUMP_BACKWARD"})
_ENDS_TOO = frozenset({"JUMP_BACKWARD_NO_INTERRUPT", "JUMP_ABSOLUTE"})


@cache
def live(code: CodeType, offset: int) -> frozenset[str]:
    """Give the variables that may be read after the instruction at an offset."""
    instructions = list(dis.get_instructions(code))
    index = next(index for index, each in enumerate(instructions) if each.offset == offset)
    before = _before_each(code)
    after = set(code.co_cellvars) | set(code.co_freevars)
    return frozenset(
        after.union(*(before[following] for following in _following(instructions, index, _handlers(code))))
    )


@cache
def _before_each(code: CodeType) -> list[frozenset[str]]:
    """Give, for each instruction, the variables that may be read from there on."""
    instructions, handlers = list(dis.get_instructions(code)), _handlers(code)
    before: list[frozenset[str]] = [frozenset()] * len(instructions)
    is_settled = False
    while not is_settled:
        is_settled = True
        for index in range(len(instructions) - 1, -1, -1):
            after = frozenset[str]().union(*(before[each] for each in _following(instructions, index, handlers)))
            reads, writes = _touched(instructions[index])
            new = (after - writes) | reads
            if new != before[index]:
                before[index], is_settled = new, False
    return before


def _touched(instruction: dis.Instruction) -> tuple[frozenset[str], frozenset[str]]:
    """Give what an instruction reads and what it writes; whatever is not a plain store counts as a read."""
    if instruction.opcode not in dis.haslocal:
        return frozenset(), frozenset()
    names = frozenset(_names(instruction.argval))
    return (frozenset(), names) if instruction.opname == "STORE_FAST" else (names, frozenset())


def _names(value: Any) -> Iterable[str]:
    return (value,) if isinstance(value, str) else value


def _following(instructions: list[dis.Instruction], index: int, handlers: list[tuple[int, int, int]]) -> Iterator[int]:
    """Give the places to which control may go from an instruction, also when it raises."""
    instruction = instructions[index]
    if instruction.opname not in _ENDS | _ENDS_TOO and index + 1 < len(instructions):
        yield index + 1
    targets = [target for start, end, target in handlers if start <= instruction.offset < end]
    if instruction.opcode in (*dis.hasjrel, *dis.hasjabs):
        targets.append(instruction.argval)
    yield from (place for place, each in enumerate(instructions) if each.offset in targets)


def _handlers(code: CodeType) -> list[tuple[int, int, int]]:
    """Give from where to where an exception is caught, and where it goes on then."""
    return [(entry.start, entry.end, entry.target) for entry in dis.Bytecode(code).exception_entries]
