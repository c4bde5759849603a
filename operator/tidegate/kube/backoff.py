"""How long to wait after failures in a row: exponential, capped, jittered; chance is passed in."""

import random


def backoff(failures: int, rng: random.Random, *, base: float, cap: float) -> float:
    """Give seconds to wait after `failures` failures in a row (one or more).

    The result lies between half and all of `base * 2**(failures - 1)`, itself at most `cap`: jitter keeps many
    clients of one API server apart, the lower half keeps a single one from retrying at once.
    """
    doublings = min(max(failures - 1, 0), 32)  # beyond 2**32 every cap is reached, and floats stay finite
    return min(cap, base * 2.0**doublings) * rng.uniform(0.5, 1.0)
