"""What is refused of Jobs, in the words of a real API server; `e2e/test_indexed_jobs.py` asks a real one."""

import pytest

from sandbox.indexed_refusals import REFUSALS, TAKEN, changed
from sandbox.worlds import a_job, a_world
from tidegate.errors import Rejected
from tidegate.sandbox.kinds import JOBS

POD = {"containers": [{"name": "main", "image": "none"}]}


@pytest.mark.parametrize(("change", "faults"), REFUSALS, ids=lambda each: each[0][:60] if type(each) is list else "")
def test_what_a_real_api_server_refuses_is_refused_in_its_words(change, faults):
    with pytest.raises(Rejected) as caught:
        a_world().create(JOBS, changed(change, POD))
    said = faults[0] if len(faults) == 1 else f"[{', '.join(faults)}]"
    assert caught.value.message == f'Job.batch "{change.get("name", "job")}" is invalid: {said}'


@pytest.mark.parametrize("change", TAKEN)
def test_what_a_real_api_server_takes_is_taken(change):
    assert a_world().create(JOBS, changed(change, POD))


def test_the_limits_of_an_indexed_job_have_the_defaults_of_a_real_api_server():
    spec = a_world().create(JOBS, changed({"backoffLimitPerIndex": 1, "completions": None}, POD))["spec"]
    fields = ("completions", "parallelism", "backoffLimit", "podReplacementPolicy", "suspend")
    assert [spec[field] for field in fields] == [1, 1, 2147483647, "TerminatingOrFailed", False]
    rules = [{"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget"}]}]
    spec = a_world().create(JOBS, changed({"podFailurePolicy": {"rules": rules}}, POD))["spec"]
    assert spec["podFailurePolicy"]["rules"][0]["onPodConditions"] == [{"type": "DisruptionTarget", "status": "True"}]
    assert (spec["podReplacementPolicy"], spec["backoffLimit"]) == ("Failed", 6)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"backoffLimitPerIndex": "1"}, "spec.backoffLimitPerIndex: found a string, expected a whole number"),
        (
            {"podFailurePolicy": {"rules": [{"onExitCodes": []}]}},
            "rules[0].onExitCodes: found a list, expected an object",
        ),
        (
            {"podFailurePolicy": {"rules": [{"onExitCodes": {"values": ["1"]}}]}},
            "rules[0].onExitCodes.values[0]: found a string, expected a whole number",
        ),
        (
            {"podFailurePolicy": {"rules": [{"onPodConditions": [{"type": 1}]}]}},
            "rules[0].onPodConditions[0].type: found a whole number, expected a string",
        ),
        ({"podFailurePolicy": {"rules": ["x"]}}, "spec.podFailurePolicy.rules[0]: found a string, expected an object"),
    ],
)
def test_a_field_of_another_shape_is_told(spec, message):
    with pytest.raises(Rejected) as caught:
        a_world().create(JOBS, a_job(**spec))
    assert (caught.value.status, message in caught.value.message) == (400, True), caught.value.message


def test_what_the_sandbox_has_not_is_refused_with_a_way_out():
    with pytest.raises(Rejected, match="the sandbox has no success policies: leave it out, or use a cluster"):
        a_world().create(JOBS, changed({"successPolicy": {"rules": [{"succeededCount": 1}]}}, POD))
    world = a_world()
    world.create(JOBS, changed({}, POD))
    with pytest.raises(Rejected, match="an Indexed Job keeps its number of indexes: create another Job"):
        world.patch_merge(JOBS, "default", "job", {"spec": {"completions": 3, "parallelism": 3}})
