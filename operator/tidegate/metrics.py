"""The Prometheus metrics of the operator; labels come from closed sets, never a run, a pod or a message.

Names are ours with the prefix `tidegate_`, save where the meaning equals one of controller-runtime's: dashboards
made for other controllers then show this one too. Speak after the write succeeded, never before.
"""

from collections.abc import Iterator, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

_HOP_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_START_BUCKETS = (0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600, 1800)
_RUN_BUCKETS = (1, 2, 5, 10, 30, 60, 300, 600, 1800, 3600, 10800, 43200, 86400)
_REQUEST_BUCKETS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_DELAY_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300, 3600)
_LAG_BUCKETS = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5)


class Metrics:
    """All metrics of one process, in a registry of its own.

    Args:
        registry: where they are collected; the process's own CPU and memory are added to it.
        flow_label: whether the label `flow` is filled; where Flows are many it can be left empty.
    """

    def __init__(self, registry: CollectorRegistry, *, flow_label: bool = True) -> None:
        self.registry = registry
        self._flow_label = flow_label
        ProcessCollector(registry=registry)
        self._create_for_runs(registry)
        self._create_for_triggers(registry)
        self._create_for_cluster(registry)
        self._create_for_queue(registry)

    def _create_for_runs(self, registry: CollectorRegistry) -> None:
        by_result = ("namespace", "flow", "result", "reason")
        by_flow = ("namespace", "flow")
        self.flowruns = Counter("tidegate_flowruns", "Runs that ended.", by_result, registry=registry)
        self.flowrun_duration_seconds = Histogram(
            "tidegate_flowrun_duration_seconds",
            "From the creation of a run to its end.",
            ("namespace", "flow", "result"),
            buckets=_RUN_BUCKETS,
            registry=registry,
        )
        self.flowruns_active = Gauge(
            "tidegate_flowruns_active", "Runs that have not ended.", by_flow, registry=registry
        )
        self.flowruns_queued = Gauge(
            "tidegate_flowruns_queued",
            "Runs that wait for a place within their Flow's concurrency.",
            by_flow,
            registry=registry,
        )
        self.tasks = Counter("tidegate_tasks", "Tasks that ended.", by_result, registry=registry)
        self.task_start_latency_seconds = Histogram(
            "tidegate_task_start_latency_seconds",
            "From the creation of a task's Job to its first running container.",
            by_flow,
            buckets=_START_BUCKETS,
            registry=registry,
        )
        self.hop_seconds = Histogram(
            "tidegate_hop_seconds",
            "From the last end of a needed task, as seen, to the Job of the task that needed it.",
            buckets=_HOP_BUCKETS,
            registry=registry,
        )
        self.disruptions = Counter(
            "tidegate_disruptions", "Attempts that ended through no fault of theirs.", ("reason",), registry=registry
        )

    def _create_for_triggers(self, registry: CollectorRegistry) -> None:
        self.trigger_events = Counter(
            "tidegate_trigger_events",
            "Instants, also of Backfills, and ends of other Flows' runs, by what became of them: Started, Missed, "
            "Forbidden, Filtered, Skipped, Failed, Unmatched; and requests for webhooks: Started, Duplicate, Filtered, "
            "Denied, Refused, Failed, Throttled, Unavailable.",
            ("namespace", "flow", "kind", "result"),
            registry=registry,
        )
        self.schedule_delay_seconds = Histogram(
            "tidegate_schedule_delay_seconds",
            "From the instant that was due, jitter included, or the end that is followed, to the creation of its run.",
            ("namespace", "flow"),
            buckets=_DELAY_BUCKETS,
            registry=registry,
        )

    def _create_for_cluster(self, registry: CollectorRegistry) -> None:
        self.api_requests = Counter(
            "tidegate_api_requests",
            "Requests to the API server; code 0 means no answer.",
            ("verb", "resource", "code"),
            registry=registry,
        )
        self.api_request_duration_seconds = Histogram(
            "tidegate_api_request_duration_seconds",
            "Requests to the API server; of a watch, the time until it was accepted.",
            ("verb", "resource"),
            buckets=_REQUEST_BUCKETS,
            registry=registry,
        )
        self.watch_restarts = Counter(
            "tidegate_watch_restarts", "Watches begun anew.", ("resource",), registry=registry
        )
        self.loop_lag_seconds = Histogram(
            "tidegate_loop_lag_seconds",
            "How late the event loop ran what was due.",
            buckets=_LAG_BUCKETS,
            registry=registry,
        )
        self.leader_election_master_status = Gauge(
            "leader_election_master_status", "1 while this process holds the Lease.", ("name",), registry=registry
        )

    def _create_for_queue(self, registry: CollectorRegistry) -> None:
        self.workqueue_depth = Gauge("workqueue_depth", "Keys that wait to be worked on.", ("name",), registry=registry)
        self.workqueue_adds = Counter("workqueue_adds", "Keys that were queued.", ("name",), registry=registry)
        self.workqueue_queue_duration_seconds = Histogram(
            "workqueue_queue_duration_seconds",
            "How long a key waited for a worker.",
            ("name",),
            buckets=_HOP_BUCKETS,
            registry=registry,
        )

    def flow(self, name: str) -> str:
        """Give the value of the label `flow`."""
        return name if self._flow_label else ""

    def count_runs(self, active: Mapping[tuple[str, str], int], queued: Mapping[tuple[str, str], int]) -> None:
        """Take how many runs there are now, by namespace and Flow; those that are queued are active too."""
        for gauge, counts in ((self.flowruns_active, active), (self.flowruns_queued, queued)):
            gauge.clear()
            for (namespace, flow), count in counts.items():
                gauge.labels(namespace, self.flow(flow)).inc(count)

    def describe(self) -> Iterator[tuple[str, str, tuple[str, ...], str]]:
        """Give name as it is scraped, type, labels and meaning of each metric but the process's own, in order."""
        for metric in vars(self).values():
            if isinstance(metric, Counter | Gauge | Histogram):
                family = next(iter(metric.describe()))
                name = f"{family.name}_total" if family.type == "counter" else family.name
                yield name, family.type, metric._labelnames, family.documentation  # noqa: SLF001 - nothing else tells

    def run_ended(self, namespace: str, flow: str, result: str, reason: str, seconds: float) -> None:
        """Count a run that ended; `result` is Succeeded, Failed or Cancelled, `reason` its condition's."""
        flow = self.flow(flow)
        self.flowruns.labels(namespace, flow, result, reason).inc()
        self.flowrun_duration_seconds.labels(namespace, flow, result).observe(seconds)

    def task_ended(self, namespace: str, flow: str, result: str, reason: str) -> None:
        """Count a task that reached its final state; `reason` is empty for a plain success."""
        self.tasks.labels(namespace, self.flow(flow), result, reason).inc()

    def triggered(self, namespace: str, flow: str, kind: str, result: str, count: int = 1) -> None:
        """Count what became of instants that were due."""
        self.trigger_events.labels(namespace, self.flow(flow), kind, result).inc(count)

    def request_ended(self, verb: str, resource: str, code: int, seconds: float) -> None:
        """Count a request; fits `HttpClient(on_request=...)`."""
        self.api_requests.labels(verb, resource, str(code)).inc()
        self.api_request_duration_seconds.labels(verb, resource).observe(seconds)

    def watch_restarted(self, resource: str) -> None:
        """Count a watch that was begun anew; fits `Reflector(on_restart=...)`."""
        self.watch_restarts.labels(resource).inc()
