"""A bug on purpose: Jobs get random names, so that the same attempt can be started twice."""

import secrets

from tidegate.resources import job, names

_honest = names.job_name


def _random_name(run: str, task: str, uid: str, slot: int, attempt: int) -> str:
    return _honest(run, task, uid + secrets.token_hex(4), slot, attempt)


vars(job)["job_name"] = _random_name
