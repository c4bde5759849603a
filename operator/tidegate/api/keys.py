"""Names on the wire: the API group and every label and annotation that Tidegate reads or writes."""

GROUP = "tidegate.dev"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"

LABEL_MANAGED = "app.kubernetes.io/managed-by"
MANAGED_BY = "tidegate"
LABEL_FLOW = f"{GROUP}/flow"
LABEL_RUN = f"{GROUP}/run"
LABEL_RUN_UID = f"{GROUP}/run-uid"
LABEL_TASK = f"{GROUP}/task"
LABEL_SLOT = f"{GROUP}/slot"
LABEL_ATTEMPT = f"{GROUP}/attempt"
LABEL_TRIGGER = f"{GROUP}/trigger"
LABEL_BACKFILL = f"{GROUP}/backfill"
LABEL_TOMBSTONE = f"{GROUP}/tombstone"
LABEL_PARENT = f"{GROUP}/parent"
LABEL_PARENT_UID = f"{GROUP}/parent-uid"
"""Of a child run: the run whose task started it; `task`, `slot` and `attempt` say which."""

ANNOTATION_STOPPED = f"{GROUP}/stopped-at"
"""Of a Job that was stopped where it stood: since when it only holds its name."""
ANNOTATION_DEPTH = f"{GROUP}/depth"
ANNOTATION_FOLLOWS = f"{GROUP}/follows"
"""Of a run that started after others had ended: their names."""
ANNOTATION_WORK = f"{GROUP}/work"
"""Of a child run: what the idempotency keys of its tasks are made from."""

ANNOTATION_INDEX = "batch.kubernetes.io/job-completion-index"
"""Which index a pod of an Indexed Job works on: an annotation, and a label of the same name."""

LABEL_QUEUE = "kueue.x-k8s.io/queue-name"
ANNOTATION_SAFE_TO_EVICT = "cluster-autoscaler.kubernetes.io/safe-to-evict"
ANNOTATION_DO_NOT_DISRUPT = "karpenter.sh/do-not-disrupt"
ANNOTATION_IGNORED = "batch.kubernetes.io/job-index-ignored-failure-count"
"""How many pods of that index the cluster took before, which a policy does not count."""

JOB_MANAGER_STOPPED = f"{GROUP}/stopped"

DEFAULT_RESERVED_PREFIXES = (
    f"{GROUP}/",
    "argocd.argoproj.io/",
    "kustomize.toolkit.fluxcd.io/",
    "helm.toolkit.fluxcd.io/",
    "helm.sh/",
    "meta.helm.sh/",
    "kubectl.kubernetes.io/last-applied-configuration",
    "app.kubernetes.io/instance",
    "batch.kubernetes.io/",
    "job-name",
    "controller-uid",
)
