"""The operator's settings: one frozen record, read once from the environment; each field says what it means."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Self

from tidegate.errors import UsageError
from tidegate.kube.lease import Terms
from tidegate.kube.watchdog import Limits

PREFIX = "TIDEGATE_"

_TRUE, _FALSE = ("true", "1", "yes", "on"), ("false", "0", "no", "off")


def _truth(text: str) -> bool:
    if text.lower() not in (*_TRUE, *_FALSE):
        raise ValueError("expected true or false")
    return text.lower() in _TRUE


def _names(text: str) -> tuple[str, ...]:
    return tuple(name for part in text.split(",") if (name := part.strip()))


def _one_of(*choices: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        folded = {choice.lower(): choice for choice in choices}
        if text.lower() not in folded:
            raise ValueError(f"expected one of {', '.join(choices)}")
        return folded[text.lower()]

    return parse


def _whole(low: int, high: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not text.isascii() or not text.isdigit() or not low <= int(text) <= high:
            raise ValueError(f"expected a whole number from {low} to {high}")
        return int(text)

    return parse


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value <= 1e9:  # also false for NaN
        raise ValueError("expected a number of seconds greater than 0")
    return value


def _setting(default: Any, text: str, parse: Callable[[str], Any] = str) -> Any:
    return field(default=default, metadata={"doc": text, "parse": parse})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What can be set; the environment variable of `probe_port` is TIDEGATE_PROBE_PORT, and so on.

    The texts in the fields' metadata are the reference: `docs` gives them.
    """

    namespaces: tuple[str, ...] = _setting((), "Namespaces to work in, separated by commas; empty: all.", _names)
    kubeconfig: str | None = _setting(None, "Path of a kubeconfig; unset: as kubectl finds it, or the pod's account.")
    context: str | None = _setting(None, "Context of the kubeconfig; unset: its current one.")
    leader_election: bool = _setting(True, "Whether a Lease decides which of several replicas works.", _truth)
    lease_name: str = _setting("tidegate-operator", "Name of the Lease.")
    lease_namespace: str | None = _setting(None, "Namespace of the Lease; unset: the operator's own.")
    lease_duration_seconds: float = _setting(15.0, "How long others wait for a silent leader; whole seconds.", _seconds)
    lease_renew_seconds: float = _setting(10.0, "How long a leader writes without renewing; less than that.", _seconds)
    lease_retry_seconds: float = _setting(2.0, "How often it renews, and others look; less still.", _seconds)
    identity: str | None = _setting(None, "Name of this replica in the Lease; unset: host name and a random part.")
    workers: int = _setting(32, "Runs that are worked on at the same time.", _whole(1, 1000))
    max_creates: int = _setting(
        64, "Most creates and deletes in flight; fewer when the server says 429.", _whole(1, 1000)
    )
    max_status_writes: int = _setting(32, "Most status writes in flight, likewise.", _whole(1, 1000))
    resync_seconds: float = _setting(600.0, "How often everything is looked at again without an event.", _seconds)
    probe_host: str | None = _setting(None, "Address of /healthz, /readyz and /metrics; unset: all.")
    probe_port: int = _setting(8080, "Port of /healthz, /readyz and /metrics; 0: any free one.", _whole(0, 65535))
    hooks_host: str | None = _setting(None, "Address at which `tidegate receiver` takes events; unset: all.")
    hooks_port: int = _setting(8090, "Its port; 0: any free one.", _whole(0, 65535))
    metrics_flow_label: bool = _setting(True, "Whether metrics tell Flows apart by a label.", _truth)
    log_level: str = _setting("INFO", "Least level that is logged.", _one_of("DEBUG", "INFO", "WARNING", "ERROR"))
    log_format: str = _setting("json", "Form of the logs: json or text.", _one_of("json", "text"))
    watch_age_seconds: float = _setting(300.0, "Longest silence of a watch before the process gives up.", _seconds)
    loop_lag_seconds: float = _setting(5.0, "Longest delay of the event loop, likewise.", _seconds)
    queue_age_seconds: float = _setting(300.0, "Longest wait of a run for a worker, likewise.", _seconds)
    work_age_seconds: float = _setting(600.0, "Longest work on one run without a break, likewise.", _seconds)
    lease_age_seconds: float = _setting(60.0, "Longest time without reaching the Lease, likewise.", _seconds)
    clock_skew_seconds: float = _setting(5.0, "Largest difference to the API server's clock, likewise.", _seconds)
    patience_seconds: float = _setting(30.0, "How long one of these may last before the process exits.", _seconds)

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Self:
        """Read the settings; an empty variable counts as unset.

        Raises:
            UsageError: a value cannot be read; all mistakes are told at once.
        """
        values: dict[str, Any] = {}
        mistakes: list[str] = []
        for item in fields(cls):
            name = variable(item.name)
            if text := environ.get(name, "").strip():
                try:
                    values[item.name] = item.metadata["parse"](text)
                except ValueError as error:
                    mistakes.append(f"{name}={text!r}: {error}")
        if mistakes:
            raise UsageError("; ".join(mistakes))
        settings = cls(**values)
        settings._check_terms()
        return settings

    @property
    def terms(self) -> Terms:
        """The three durations of the Lease."""
        return Terms(self.lease_duration_seconds, self.lease_renew_seconds, self.lease_retry_seconds)

    def _check_terms(self) -> None:
        """A leader must have stopped before another may begin."""
        duration, renew, retry = self.terms
        if not (retry < renew < duration and duration == int(duration)):
            raise UsageError(
                f"the Lease: retry {retry:g} s, renew {renew:g} s, duration {duration:g} s; expected each to be less "
                f"than the next, and whole seconds for {variable('lease_duration_seconds')}"
            )

    @property
    def limits(self) -> Limits:
        """What the watchdog tolerates."""
        return Limits(
            watch_age=self.watch_age_seconds,
            loop_lag=self.loop_lag_seconds,
            queue_age=self.queue_age_seconds,
            work_age=self.work_age_seconds,
            lease_age=self.lease_age_seconds,
            clock_skew=self.clock_skew_seconds,
            patience=self.patience_seconds,
        )


def variable(name: str) -> str:
    """Give the environment variable of a field."""
    return PREFIX + name.upper()


def docs() -> list[tuple[str, str, str]]:
    """Give (environment variable, default as text, meaning) of each setting, in order."""
    return [(variable(item.name), _shown(item.default), item.metadata["doc"]) for item in fields(Settings)]


def _shown(default: Any) -> str:
    if default is None or default == ():
        return ""
    return str(default).lower() if isinstance(default, bool) else str(default)
