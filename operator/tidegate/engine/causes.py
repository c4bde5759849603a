"""Why a pod failed, in the words of the cluster."""

from tidegate.engine.facts import JobFact, PodFact
from tidegate.engine.retry import Failure

_BY_POD = "PodFailurePolicy"


def cause_of(job: JobFact, pod: PodFact | None) -> Failure:
    """Give what made an attempt fail, from its last pod and its Job."""
    if pod is None:
        return Failure(job.reason or "JobFailed", job.message, disruption=job.reason == _BY_POD)
    if pod.disruption is not None:
        return Failure(pod.disruption or "Disrupted", pod.message or job.message, disruption=True)
    if pod.reason == "DeadlineExceeded":
        return Failure("TimedOut", pod.message or "it ran longer than timeoutSeconds")
    if pod.exit_code is None:
        return Failure(pod.reason or job.reason or "JobFailed", pod.message or job.message)
    if pod.reason == "OOMKilled":
        return Failure("OOMKilled", "it used more memory than its limit", exit_code=pod.exit_code, oom=pod.oom)
    reason = pod.reason if pod.reason not in ("", "Error", "Completed") else "ExitCode"
    tail = f": {pod.message}" if pod.message else ""
    return Failure(reason, f"exit code {pod.exit_code}{tail}", exit_code=pod.exit_code)
