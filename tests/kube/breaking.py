"""Processes that die at a write."""

import functools


class Broken(Exception):
    """The process has died."""


def break_write(api, number, *, after):
    """Let the process die at a write, before it or after it; give what mends that."""
    count = 0
    originals = {verb: getattr(api, verb) for verb in ("create", "replace")}

    def breaking(verb):
        @functools.wraps(originals[verb])
        async def call(*args, **kwargs):
            nonlocal count
            count += 1
            if count == number and not after:
                raise Broken
            result = await originals[verb](*args, **kwargs)
            if count == number:
                raise Broken
            return result

        return call

    for verb in originals:
        setattr(api, verb, breaking(verb))

    def mend():
        for verb, original in originals.items():
            setattr(api, verb, original)

    return mend
