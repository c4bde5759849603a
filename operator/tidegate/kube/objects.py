"""Reading what tasks wait for: with the operator's own hands, but only what a task's ServiceAccount may get.

This is the one place where the operator reads what a user chose. Secrets are never read.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from tidegate.engine.actions import LookAt
from tidegate.engine.facts import ObjectFact
from tidegate.errors import ApiError, Forbidden, NotFound, Unavailable
from tidegate.kube.client import Client
from tidegate.kube.discovery import Discovery
from tidegate.kube.resources import ACCESS_REVIEWS, Resource

FIRST_POLL, LAST_POLL = 2.0, 30.0
"""Seconds between two reads of an object: few at first, more the longer it is waited for."""

PERMITTED_SECONDS = 30.0
"""How long a ServiceAccount's permission is believed; a refusal is not kept."""


class Wanted(NamedTuple):
    """One object in the eyes of one ServiceAccount: tasks that want the same share a read."""

    namespace: str
    account: str
    group: str
    plural: str
    name: str

    @classmethod
    def of(cls, namespace: str, action: LookAt) -> "Wanted":
        """Give what an action wants."""
        return cls(namespace, action.account, action.group, action.resource, action.name)

    @property
    def title(self) -> str:
        """How kubectl names it."""
        return f'{self.plural}{f".{self.group}" if self.group else ""} "{self.name}"'


class Objects:
    """Reads objects, and remembers for a moment what it was told. Nothing here is needed after a crash."""

    def __init__(self, client: Client, monotonic: Callable[[], float]) -> None:
        self._client, self._monotonic = client, monotonic
        self._discovery = Discovery(client, monotonic)
        self._permitted: dict[Wanted, float] = {}
        self._read: dict[Wanted, tuple[float, ObjectFact]] = {}

    async def look(self, wanted: Wanted) -> ObjectFact:
        """Read an object, or say in the cluster's own words why it cannot be read.

        Raises:
            Unavailable: the API server could not be asked; nothing was learned.
        """
        now = self._monotonic()
        before = self._read.get(wanted)
        if before is not None and now - before[0] < FIRST_POLL:
            return before[1]
        fact = await self._look(wanted)
        self._forget_old(now)
        self._read[wanted] = now, fact
        return fact

    async def _look(self, wanted: Wanted) -> ObjectFact:
        try:
            resource = await self._discovery.find(wanted.group, wanted.plural)
            problem = _unreadable(wanted, resource)
            if problem is not None or resource is None:
                return problem or ObjectFact()
            refusal = await self._refusal(wanted)
            return refusal or await self._get(wanted, resource)
        except Unavailable:
            raise
        except ApiError as error:
            return ObjectFact(None, error.reason, error.message)

    async def _get(self, wanted: Wanted, resource: Resource) -> ObjectFact:
        try:
            obj = await self._client.get(resource, wanted.namespace, wanted.name)
        except NotFound as error:
            if not _is_about(error, wanted):
                self._discovery.forget(wanted.group, wanted.plural)
            return ObjectFact(None, "NotFound", error.message)
        except Forbidden as error:
            hint = "the operator needs this right too, see docs/permissions.md"
            return ObjectFact(None, "Forbidden", f"{error.message} ({hint})")
        metadata = {key: value for key, value in obj["metadata"].items() if key != "managedFields"}
        return ObjectFact({**obj, "metadata": metadata})

    async def _refusal(self, wanted: Wanted) -> ObjectFact | None:
        """Ask the API server whether the ServiceAccount may get the object; give its refusal."""
        now = self._monotonic()
        if now - self._permitted.get(wanted, float("-inf")) < PERMITTED_SECONDS:
            return None
        answer = await self._client.create(ACCESS_REVIEWS, wanted.namespace, review_of(wanted))
        status = answer.get("status") or {}
        if status.get("allowed") is True and not status.get("denied"):
            self._permitted[wanted] = now
            return None
        self._permitted.pop(wanted, None)
        words = [str(status[key]) for key in ("reason", "evaluationError") if status.get(key)]
        message = f"ServiceAccount {wanted.account} may not get {wanted.title} in namespace {wanted.namespace}"
        return ObjectFact(None, "Forbidden", ": ".join([message, *words]))

    def _forget_old(self, now: float) -> None:
        self._read = {key: value for key, value in self._read.items() if now - value[0] < FIRST_POLL}
        self._permitted = {key: when for key, when in self._permitted.items() if now - when < PERMITTED_SECONDS}


def review_of(wanted: Wanted) -> dict[str, Any]:
    """Give the question whether the ServiceAccount may get the object."""
    namespace = wanted.namespace
    return {
        "apiVersion": ACCESS_REVIEWS.api_version,
        "kind": ACCESS_REVIEWS.kind,
        "metadata": {"namespace": namespace},
        "spec": {
            "user": f"system:serviceaccount:{namespace}:{wanted.account}",
            "groups": ["system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated"],
            "resourceAttributes": {
                "namespace": namespace,
                "verb": "get",
                "group": wanted.group,
                "resource": wanted.plural,
                "name": wanted.name,
            },
        },
    }


def interval(waited: float) -> float:
    """Give the seconds until the next read of an object that was waited for so long."""
    return min(LAST_POLL, max(FIRST_POLL, waited / 20))


def _unreadable(wanted: Wanted, resource: Resource | None) -> ObjectFact | None:
    """Say what can never be read: what is not served, what belongs to no namespace, Secrets."""
    if resource is None:
        place = f'group "{wanted.group}"' if wanted.group else "the core group"
        return ObjectFact(None, "UnknownResource", f'the server has no resource "{wanted.plural}" in {place}')
    if not resource.namespaced:
        message = f"{wanted.plural} belong to no namespace: a task waits for objects of its run's namespace"
        return ObjectFact(None, "NotNamespaced", message)
    if resource.kind == "Secret" and not resource.group:
        return ObjectFact(None, "Forbidden", "Secrets are never read")
    return None


def _is_about(error: NotFound, wanted: Wanted) -> bool:
    """Whether the object is missing, and not its kind."""
    return wanted.name in error.message
