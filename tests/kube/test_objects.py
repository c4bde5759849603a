"""What the operator reads for tasks that wait: only what their ServiceAccount may get, told in the cluster's words."""

import asyncio
from typing import Any

import pytest

from kube.fake_api import FakeApi
from tidegate.errors import Forbidden, NotFound, Unavailable
from tidegate.kube.client import Object
from tidegate.kube.objects import FIRST_POLL, LAST_POLL, PERMITTED_SECONDS, Objects, Wanted, interval
from tidegate.kube.resources import ACCESS_REVIEWS, CONFIGMAPS, Resource

WEB = Wanted("ns", "etl", "apps", "deployments", "web")
DEPLOYMENTS = Resource("apps", "v1", "deployments", "Deployment")
GROUP = {"preferredVersion": {"version": "v1"}, "versions": [{"version": "v1beta1"}, {"version": "v1"}]}
PATHS: dict[str, Object] = {
    "/apis/apps": GROUP,
    "/apis/apps/v1": {
        "resources": [
            {"name": "deployments/status", "kind": "Deployment", "namespaced": True},
            {"name": "deployments", "kind": "Deployment", "namespaced": True},
        ]
    },
    "/apis/apps/v1beta1": {"resources": [{"name": "oldies", "kind": "Oldie", "namespaced": True}]},
    "/api/v1": {
        "resources": [
            {"name": "configmaps", "kind": "ConfigMap", "namespaced": True},
            {"name": "secrets", "kind": "Secret", "namespaced": True},
            {"name": "nodes", "kind": "Node", "namespaced": False},
        ]
    },
}


class Cluster(FakeApi):
    """Serves discovery, and answers what ServiceAccounts may do by `allowed`."""

    def __init__(self) -> None:
        super().__init__()
        self.paths = dict(PATHS)
        self.allowed = {"system:serviceaccount:ns:etl"}
        self.denial: dict[str, Any] = {"allowed": False}
        self.asked: list[dict[str, Any]] = []

    async def read(self, path: str) -> Object:
        await self._receive("read", Resource("", "", path, ""))
        if path not in self.paths:
            raise NotFound(404, "NotFound", "the server could not find the requested resource")
        return self.paths[path]

    async def create(self, resource: Resource, namespace: str | None, body: Any) -> Object:
        await self._receive("create", resource)
        assert (resource, namespace) == (ACCESS_REVIEWS, "ns")
        self.asked.append(body["spec"])
        is_allowed = body["spec"]["user"] in self.allowed
        return {**body, "status": {"allowed": True} if is_allowed else self.denial}


class Stage:
    """Objects on a cluster, and the time in a test's hands."""

    def __init__(self) -> None:
        self.cluster, self.now = Cluster(), 0.0
        self.objects = Objects(self.cluster, lambda: self.now)

    def look(self, wanted: Wanted = WEB) -> tuple[str, str]:
        fact = asyncio.run(self.objects.look(wanted))
        assert (fact.object is None) == bool(fact.reason)
        return (fact.reason, fact.message) if fact.object is None else ("", fact.object["metadata"]["name"])


@pytest.fixture
def stage() -> Stage:
    told = Stage()
    told.cluster.put(DEPLOYMENTS, "ns", "web", {"metadata": {"managedFields": [1]}, "status": {}})
    return told


def test_the_rights_of_the_account_are_asked_for_before_the_object_is_read(stage: Stage):
    assert stage.look() == ("", "web")
    discovered, asked_for = ["read /apis/apps", "read /apis/apps/v1"], f"create {ACCESS_REVIEWS.plural}"
    assert stage.cluster.calls == [*discovered, asked_for, "get deployments"]
    (asked,) = stage.cluster.asked
    attributes = {"namespace": "ns", "verb": "get", "group": "apps", "resource": "deployments", "name": "web"}
    assert asked["resourceAttributes"] == attributes
    assert asked["user"] == "system:serviceaccount:ns:etl"
    assert asked["groups"] == ["system:serviceaccounts", "system:serviceaccounts:ns", "system:authenticated"]


def test_what_the_account_may_not_get_is_never_read(stage: Stage):
    stage.cluster.denial = {"allowed": False, "reason": "no role", "evaluationError": "role x not found"}
    reason, message = stage.look(WEB._replace(account="other"))
    assert reason == "Forbidden"
    refusal = 'ServiceAccount other may not get deployments.apps "web" in namespace ns: no role: role x not found'
    assert message == refusal
    assert "get deployments" not in stage.cluster.calls


@pytest.mark.parametrize("answer", [{}, {"allowed": "yes"}, {"allowed": True, "denied": True}])
def test_what_is_no_clear_permission_is_none(stage: Stage, answer: dict[str, Any]):
    stage.cluster.allowed, stage.cluster.denial = set(), answer
    assert stage.look()[0] == "Forbidden"
    assert "get deployments" not in stage.cluster.calls


def test_the_rights_are_asked_for_again(stage: Stage):
    stage.look()
    stage.now += FIRST_POLL
    assert stage.look() == ("", "web")
    assert len(stage.cluster.asked) == 1
    stage.cluster.allowed = set()
    stage.now += PERMITTED_SECONDS
    assert stage.look()[0] == "Forbidden"
    stage.cluster.allowed = {"system:serviceaccount:ns:etl"}
    stage.now += FIRST_POLL
    assert stage.look() == ("", "web"), "a refusal is asked about each time"


def test_a_permission_is_that_of_one_account_for_one_object(stage: Stage):
    stage.look()
    stage.cluster.allowed = set()
    for wanted in (WEB._replace(account="other"), WEB._replace(name="db")):
        assert stage.look(wanted)[0] == "Forbidden"


def test_tasks_that_wait_for_the_same_share_a_read(stage: Stage):
    assert stage.look() == stage.look() == ("", "web")
    assert stage.cluster.calls.count("get deployments") == 1
    stage.now += FIRST_POLL
    stage.look()
    assert stage.cluster.calls.count("get deployments") == 2


@pytest.mark.parametrize(
    ("group", "plural", "reason", "message"),
    [
        ("apps", "nothings", "UnknownResource", 'the server has no resource "nothings" in group "apps"'),
        ("none.io", "things", "UnknownResource", 'the server has no resource "things" in group "none.io"'),
        ("", "things", "UnknownResource", 'the server has no resource "things" in the core group'),
        ("apps", "deployments/status", "UnknownResource", 'the server has no resource "deployments/status" in group'),
        ("", "nodes", "NotNamespaced", "nodes belong to no namespace: a task waits for objects of its run's namespace"),
        ("", "secrets", "Forbidden", "Secrets are never read"),
    ],
)
def test_what_can_never_be_read_says_why(stage: Stage, group: str, plural: str, reason: str, message: str):
    stage.cluster.allowed = {"system:serviceaccount:ns:etl"}
    told = stage.look(WEB._replace(group=group, plural=plural))
    assert (told[0], told[1][: len(message)]) == (reason, message)
    assert not stage.cluster.asked


def test_a_resource_of_another_version_than_the_preferred_is_found(stage: Stage):
    stage.cluster.put(Resource("apps", "v1beta1", "oldies", "Oldie"), "ns", "web")
    assert stage.look(WEB._replace(plural="oldies")) == ("", "web")


def test_a_kind_that_comes_later_is_found(stage: Stage):
    wanted = WEB._replace(group="new.io", plural="things")
    assert stage.look(wanted)[0] == "UnknownResource"
    stage.cluster.paths["/apis/new.io"] = {"versions": [{"version": "v1"}]}
    stage.cluster.paths["/apis/new.io/v1"] = {"resources": [{"name": "things", "kind": "Thing", "namespaced": True}]}
    stage.cluster.put(Resource("new.io", "v1", "things", "Thing"), "ns", "web")
    stage.now += FIRST_POLL
    assert stage.look(wanted) == ("", "web")


def test_an_object_that_is_not_there_is_told_in_the_servers_words(stage: Stage):
    assert stage.look(WEB._replace(name="db")) == ("NotFound", "db")


def test_a_right_that_the_operator_lacks_is_told_with_what_to_do(stage: Stage):
    stage.look()
    stage.now += FIRST_POLL
    stage.cluster.outage = Forbidden(403, "Forbidden", "deployments.apps is forbidden")
    reason, message = stage.look()
    assert (reason, message[:29]) == ("Forbidden", "deployments.apps is forbidden")
    assert "docs/permissions.md" in message


def test_an_outage_is_no_news(stage: Stage):
    stage.cluster.outage = Unavailable(503, "ServiceUnavailable", "down")
    with pytest.raises(Unavailable):
        stage.look()


def test_what_is_read_has_no_managed_fields(stage: Stage):
    fact = asyncio.run(stage.objects.look(WEB))
    assert fact.object is not None
    assert set(fact.object["metadata"]) == {"name", "namespace", "uid", "resourceVersion"}


def test_core_resources_are_found(stage: Stage):
    stage.cluster.put(CONFIGMAPS, "ns", "web")
    assert stage.look(WEB._replace(group="", plural="configmaps")) == ("", "web")


def test_nothing_is_remembered_for_ever(stage: Stage):
    for number in range(50):
        stage.now += PERMITTED_SECONDS
        stage.look(WEB._replace(name=f"x{number}"))
    assert len(stage.objects._read) <= 1
    assert len(stage.objects._permitted) <= 1


def test_reads_become_rarer_the_longer_is_waited():
    waits = [interval(waited) for waited in (0, 30, 200, 10_000)]
    assert waits == [FIRST_POLL, FIRST_POLL, 10, LAST_POLL]
