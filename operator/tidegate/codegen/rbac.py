"""What the operator and its users may do: one table, from which the chart's roles and the page on permissions come."""

from dataclasses import dataclass
from typing import Any

from tidegate.api.keys import GROUP


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of a role, and why it is needed."""

    group: str
    resources: tuple[str, ...]
    verbs: tuple[str, ...]
    why: str

    @property
    def manifest(self) -> dict[str, Any]:
        """The rule as a Role has it."""
        return {"apiGroups": [self.group], "resources": list(self.resources), "verbs": list(self.verbs)}


_READ = ("get", "list", "watch")
_WRITE = ("create", "update", "patch", "delete", "deletecollection")
_KINDS = ("flows", "flowruns")
_APPROVALS = ("flowapprovals",)
_BACKFILLS = ("backfills",)

AGGREGATE = f"rbac.{GROUP}/aggregate-to-operator"
"""ClusterRoles with this label, and the value true, add to what tasks may wait for."""

OPERATOR = (
    Rule(GROUP, (*_KINDS, *_APPROVALS, *_BACKFILLS), _READ, "To see what is wanted. Specs are never written."),
    Rule(
        GROUP,
        ("flowruns",),
        ("create", "delete"),
        "Triggers and Backfills start runs, tasks with the body `flow` child runs; finished runs go after their TTL, "
        "or when enough newer are kept.",
    ),
    Rule(
        GROUP,
        tuple(f"{kind}/status" for kind in (*_KINDS, *_APPROVALS, *_BACKFILLS)),
        ("update",),
        "To record decisions before they are carried out; always the whole status against the version that was read.",
    ),
    Rule(
        GROUP,
        tuple(f"{kind}/finalizers" for kind in _KINDS),
        ("update",),
        "To own Jobs, ConfigMaps and revisions where the admission plugin OwnerReferencesPermissionEnforcement is on. "
        "No finalizer is ever set.",
    ),
    Rule(
        "batch", ("jobs",), (*_READ, "create", "update", "delete"), "Each attempt of a task is a Job; update stops it."
    ),
    Rule(
        GROUP,
        ("cacheentries",),
        ("get", "list", "create", "update", "delete"),
        "Results of tasks with `cache`; those whose time has passed are deleted.",
    ),
    Rule("", ("pods",), _READ, "To see why a pod waits, and what it wrote when it ended."),
    Rule("", ("configmaps",), ("get", "create"), "Scripts and files of tasks, and outputs too large for status."),
    Rule(
        "apps",
        ("controllerrevisions",),
        ("get", "create"),
        "The Flow as it was when a run began; it goes with the run that owns it.",
    ),
    Rule(
        "events.k8s.io",
        ("events",),
        ("create", "list"),
        "To tell what happened to a run or at a trigger; to say, in the cluster's words, why a Job gets no pods.",
    ),
    Rule("kueue.x-k8s.io", ("workloads",), ("list",), "To say, in Kueue's words, why a Job waits in a queue."),
    Rule(
        "authorization.k8s.io",
        ("localsubjectaccessreviews",),
        ("create",),
        "To ask whether the ServiceAccount of a task may get what the task waits for, before it is read.",
    ),
)
"""In each namespace that is watched. The Lease in the operator's own namespace is in the chart, beside its name."""

RECEIVER = (
    Rule(GROUP, ("flows",), _READ, "To know what may be sent where."),
    Rule(GROUP, ("flowruns",), (*_READ, "create"), "To start the run of an event, once, and to see which wait."),
    Rule(GROUP, ("flows/finalizers",), ("update",), "As the operator, so that a Flow owns the runs of its webhooks."),
    Rule("events.k8s.io", ("events",), ("create",), "To tell at a Flow why its events start nothing."),
)
"""Secrets are missing here: each namespace grants its own, see docs/webhooks.md."""

WAITED_FOR = (
    Rule("", ("configmaps", "persistentvolumeclaims", "pods", "services"), ("get",), "For `wait.for`, see below."),
    Rule("apps", ("daemonsets", "deployments", "statefulsets"), ("get",), "Likewise."),
    Rule("batch", ("cronjobs", "jobs"), ("get",), "Likewise."),
    Rule(GROUP, _KINDS, ("get",), "Likewise."),
)
"""What the operator may read for tasks that wait for it; administrators add ClusterRoles with the label AGGREGATE."""

USERS = {
    "viewer": (
        Rule(GROUP, ("cacheentries",), _READ, "What tasks have given, as their logs and outputs of runs show it too."),
        Rule(
            GROUP,
            (*_KINDS, *_APPROVALS, *_BACKFILLS),
            _READ,
            "Added to the ClusterRole `view`, so also to `edit` and `admin`.",
        ),
        Rule(
            GROUP,
            tuple(f"{kind}/status" for kind in (*_KINDS, *_APPROVALS, *_BACKFILLS)),
            ("get",),
            "The status alone.",
        ),
    ),
    "editor": (
        Rule(
            GROUP,
            (*_KINDS, *_BACKFILLS),
            _WRITE,
            "Added to `edit`, and through it to `admin`. Who may create a Flow may run pods in that namespace as any "
            "of its ServiceAccounts; `edit` may do that already.",
        ),
        Rule(
            GROUP,
            ("cacheentries",),
            ("delete", "deletecollection"),
            "So that work is done again. Nobody but the operator writes results.",
        ),
    ),
    "approver": (
        Rule(
            GROUP,
            _APPROVALS,
            ("create",),
            "Who may create a FlowApproval may approve and reject. Added to `admin`; bind it to those who decide.",
        ),
        Rule(GROUP, (*_KINDS, *_APPROVALS), _READ, "To see what is asked, and what became of it."),
    ),
}
