"""What a task's `disruption` becomes: annotations by which the two common autoscalers decide about its pod.

Cluster Autoscaler takes emptyDir and bare pods for reasons not to empty a node, so Allow must be said, too:
https://github.com/kubernetes/autoscaler/blob/master/cluster-autoscaler/FAQ.md, https://karpenter.sh/docs/concepts/disruption/
"""

from tidegate.api.keys import ANNOTATION_DO_NOT_DISRUPT, ANNOTATION_SAFE_TO_EVICT
from tidegate.api.policies import Disruption, DisruptionPolicy


def disruption_annotations(disruption: Disruption | None) -> dict[str, str]:
    """Give the annotations of the pod; none when the task says nothing."""
    if disruption is None:
        return {}
    if disruption.policy is DisruptionPolicy.ALLOW:
        return {ANNOTATION_SAFE_TO_EVICT: "true"}
    return {ANNOTATION_SAFE_TO_EVICT: "false", ANNOTATION_DO_NOT_DISRUPT: "true"}
