"""The kinds that the sandbox serves, and the manners of a real API server towards each.

Nothing else is served: the sandbox stands in for what Tidegate and its users touch, not for a whole cluster.
"""

from typing import NamedTuple


class Kind(NamedTuple):
    """One kind; `group` is empty for the core group."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True
    has_status: bool = False
    """`status` is a subresource: a write of the object leaves it alone, and the reverse."""
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    selectable: tuple[str, ...] = ()
    """Paths for field selectors beyond `metadata.name` and `metadata.namespace`."""
    has_generation: bool = False
    """`metadata.generation` counts the changes outside of metadata and status."""
    needs_version: bool = False
    """PUT without `metadata.resourceVersion` is refused."""
    orphans: bool = False
    """A raw DELETE that names no propagation policy leaves the dependents behind."""

    @property
    def key(self) -> tuple[str, str]:
        """(group, plural): what tells kinds apart."""
        return (self.group, self.plural)

    @property
    def api_version(self) -> str:
        """`apiVersion` as manifests write it."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def singular(self) -> str:
        """The kind in lower case, as kubectl takes it."""
        return self.kind.lower()

    @property
    def resource(self) -> str:
        """`jobs.batch`: how messages name the resource."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def qualified(self) -> str:
        """`Job.batch`: how messages about invalid objects name the kind."""
        return f"{self.kind}.{self.group}" if self.group else self.kind


_REGARDING = ("apiVersion", "fieldPath", "kind", "name", "namespace", "resourceVersion", "uid")

FLOWS = Kind(
    "tidegate.dev",
    "v1alpha1",
    "flows",
    "Flow",
    has_status=True,
    categories=("tidegate",),
    has_generation=True,
    needs_version=True,
)
FLOWRUNS = Kind(
    "tidegate.dev",
    "v1alpha1",
    "flowruns",
    "FlowRun",
    has_status=True,
    short_names=("flr",),
    categories=("tidegate",),
    selectable=("spec.flowRef.name", "status.completionTime"),
    has_generation=True,
    needs_version=True,
)
CACHEENTRIES = Kind(
    "tidegate.dev",
    "v1alpha1",
    "cacheentries",
    "CacheEntry",
    categories=("tidegate",),
)
FLOWAPPROVALS = Kind(
    "tidegate.dev",
    "v1alpha1",
    "flowapprovals",
    "FlowApproval",
    has_status=True,
    short_names=("fla",),
    categories=("tidegate",),
    selectable=("spec.run",),
    has_generation=True,
    needs_version=True,
)
BACKFILLS = Kind(
    "tidegate.dev",
    "v1alpha1",
    "backfills",
    "Backfill",
    has_status=True,
    short_names=("bf",),
    categories=("tidegate",),
    selectable=("spec.flowRef.name", "status.completionTime"),
    has_generation=True,
    needs_version=True,
)
JOBS = Kind(
    "batch",
    "v1",
    "jobs",
    "Job",
    has_status=True,
    categories=("all",),
    selectable=("status.successful",),
    has_generation=True,
    orphans=True,
)
PODS = Kind(
    "",
    "v1",
    "pods",
    "Pod",
    has_status=True,
    short_names=("po",),
    categories=("all",),
    selectable=("spec.nodeName", "spec.restartPolicy", "spec.serviceAccountName", "status.phase", "status.podIP"),
    has_generation=True,
)
CONFIGMAPS = Kind("", "v1", "configmaps", "ConfigMap", short_names=("cm",))
SECRETS = Kind("", "v1", "secrets", "Secret", selectable=("type",))
SERVICEACCOUNTS = Kind("", "v1", "serviceaccounts", "ServiceAccount", short_names=("sa",))
NAMESPACES = Kind(
    "",
    "v1",
    "namespaces",
    "Namespace",
    namespaced=False,
    has_status=True,
    short_names=("ns",),
    selectable=("status.phase",),
)
NODES = Kind("", "v1", "nodes", "Node", namespaced=False, has_status=True, short_names=("no",))
EVENTS = Kind(
    "events.k8s.io",
    "v1",
    "events",
    "Event",
    short_names=("ev",),
    selectable=("reason", "reportingController", "type", *(f"regarding.{field}" for field in _REGARDING)),
)
LEASES = Kind("coordination.k8s.io", "v1", "leases", "Lease", needs_version=True)
ROLES = Kind("rbac.authorization.k8s.io", "v1", "roles", "Role")
ROLE_BINDINGS = Kind("rbac.authorization.k8s.io", "v1", "rolebindings", "RoleBinding")
REVISIONS = Kind("apps", "v1", "controllerrevisions", "ControllerRevision")
CRDS = Kind(
    "apiextensions.k8s.io",
    "v1",
    "customresourcedefinitions",
    "CustomResourceDefinition",
    namespaced=False,
    has_status=True,
    short_names=("crd", "crds"),
    has_generation=True,
)

KINDS: tuple[Kind, ...] = (
    NAMESPACES,
    NODES,
    PODS,
    CONFIGMAPS,
    SECRETS,
    SERVICEACCOUNTS,
    EVENTS,
    JOBS,
    REVISIONS,
    ROLES,
    ROLE_BINDINGS,
    LEASES,
    CRDS,
    FLOWS,
    FLOWRUNS,
    CACHEENTRIES,
    FLOWAPPROVALS,
    BACKFILLS,
)
CUSTOM = (FLOWS, FLOWRUNS, FLOWAPPROVALS, BACKFILLS, CACHEENTRIES)
"""Those of Tidegate."""

_BY_KEY = {kind.key: kind for kind in KINDS}


def find(group: str, plural: str) -> Kind | None:
    """Give the kind of a URL's group (empty for core) and plural, None when the sandbox does not serve it."""
    return _BY_KEY.get((group, plural))
