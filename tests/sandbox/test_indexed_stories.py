"""The stories of Indexed Jobs in the model; `e2e/test_indexed_jobs.py` tells the same on a real cluster."""

import pytest

from sandbox.indexed_stories import STAYS, STORIES, identity, is_over, told
from sandbox.worlds import START, a_world
from tidegate.sandbox.kinds import JOBS, PODS

TEMPLATE = {"spec": {"restartPolicy": "Never", "containers": [{"name": "main", "image": "none"}]}}
MANY = 100


class Stage:
    """Plays a story: pods start as soon as they are bound, end as the story says, die as soon as they must."""

    def __init__(self, story):
        self.story, self.world = story, a_world()
        spec = {"completionMode": "Indexed", **story.spec, "template": TEMPLATE}
        self.world.create(JOBS, {"metadata": {"name": story.name}, "spec": spec})
        self.acts = [story.act] if story.act else []

    @property
    def job(self):
        return self.world.get(JOBS, "default", self.story.name)

    def play(self):
        """Give the Job when it is over; time passes when nothing else does."""
        now = START
        for _ in range(MANY):
            now = self.world.step(now) or now
            while self.start() or self.kill():
                self.world.step(self.world.now)
            if self.acts:
                self.interfere(*self.acts.pop())
            elif is_over(self.job):
                return self.job
        raise AssertionError(f"this has no end: {self.job['status']}")

    def start(self):
        """Let the pods that nobody has claimed run, and end if they do."""
        pods = self.world.pods_to_start()
        for pod in pods:
            self.world.claim(pod["metadata"]["uid"])
            self.world.pod_started(pod["metadata"]["uid"])
        self.world.step(self.world.now)
        for pod in pods:
            code = self.story.code(pod)
            if code != STAYS:
                self.world.container_terminated(pod["metadata"]["uid"], "main", code)
        return bool(pods)

    def kill(self):
        """Let the pods die that must."""
        doomed = self.world.pods_to_kill()
        for pod, _ in doomed:
            self.world.container_terminated(pod["metadata"]["uid"], "main", 143)
            self.world.pod_gone(pod["metadata"]["uid"])
        return bool(doomed)

    def interfere(self, verb, index):
        if index is None or verb == "suspend":
            self.world.patch_merge(JOBS, "default", self.story.name, {"spec": {"suspend": verb == "suspend"}})
            return
        (pod,) = [each for each in self.world.list(PODS) if identity(each)[0] == index]
        if verb == "evict":
            self.world.evict(pod["metadata"]["uid"])
        else:
            self.world.delete(PODS, "default", pod["metadata"]["name"])


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
def test_the_model_tells_what_a_real_cluster_tells(story):
    stage = Stage(story)
    job = stage.play()
    assert told(job) == story.status
    kind, value, *_ = story.status["conditions"][-1]
    assert ("startTime" in job["status"], "completionTime" in job["status"]) == (
        kind != "Suspended",
        kind == "Complete",
    )
    assert value == "True"
    assert sorted(map(identity, stage.world.list(PODS))) == story.pods
