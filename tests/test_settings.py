"""Settings from the environment."""

import pytest

from tidegate.errors import UsageError
from tidegate.settings import Settings, docs, variable


def test_nothing_set_gives_the_defaults():
    assert Settings.from_env({}) == Settings()
    assert Settings.from_env({"TIDEGATE_WORKERS": " ", "WORKERS": "3", "TIDEGATE_SERVICE_HOST": "x"}) == Settings()


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("namespaces", "team-a, team-b,", ("team-a", "team-b")),
        ("leader_election", "false", False),
        ("leader_election", "YES", True),
        ("lease_name", "mine", "mine"),
        ("workers", "7", 7),
        ("probe_port", "0", 0),
        ("log_level", "debug", "DEBUG"),
        ("log_format", "TEXT", "text"),
        ("context", "prod", "prod"),
    ],
)
def test_each_is_read_from_its_variable(name, text, value):
    assert getattr(Settings.from_env({variable(name): text}), name) == value


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("leader_election", "maybe", "true or false"),
        ("workers", "0", "from 1 to 1000"),
        ("workers", "many", "from 1 to 1000"),
        ("workers", "²", "from 1 to 1000"),
        ("probe_port", "65536", "from 0 to 65535"),
        ("log_format", "xml", "json, text"),
        ("resync_seconds", "-1", "greater than 0"),
        ("resync_seconds", "nan", "greater than 0"),
        ("resync_seconds", "inf", "greater than 0"),
    ],
)
def test_what_cannot_be_read_is_told(name, text, expected):
    with pytest.raises(UsageError, match=expected) as caught:
        Settings.from_env({variable(name): text})
    assert f"{variable(name)}='{text}'" in str(caught.value)


def test_all_mistakes_are_told_at_once():
    with pytest.raises(UsageError) as caught:
        Settings.from_env({"TIDEGATE_WORKERS": "x", "TIDEGATE_LOG_LEVEL": "loud"})
    assert str(caught.value).count("TIDEGATE_") == 2


def test_limits_of_the_watchdog_follow_the_settings():
    limits = Settings.from_env({"TIDEGATE_WATCH_AGE_SECONDS": "77"}).limits
    assert limits.watch_age == 77
    assert limits.clock_skew == 5


def test_every_setting_is_documented():
    table = docs()
    assert ("TIDEGATE_LEADER_ELECTION", "true", "Whether a Lease decides which of several replicas works.") in table
    assert all(meaning.endswith(".") for _, _, meaning in table)
    assert len({name for name, _, _ in table}) == len(table)


@pytest.mark.parametrize(
    ("duration", "renew", "retry"), [("10", "10", "2"), ("15", "2", "2"), ("2.5", "2", "1"), ("15", "20", "2")]
)
def test_a_lease_in_which_two_could_lead_is_refused(duration, renew, retry):
    given = {"DURATION": duration, "RENEW": renew, "RETRY": retry}
    with pytest.raises(UsageError, match="each to be less than the next"):
        Settings.from_env({f"TIDEGATE_LEASE_{name}_SECONDS": text for name, text in given.items()})


def test_the_lease_may_be_shorter():
    given = {"DURATION": "3", "RENEW": "2", "RETRY": "0.5"}
    settings = Settings.from_env({f"TIDEGATE_LEASE_{name}_SECONDS": text for name, text in given.items()})
    assert settings.terms == (3.0, 2.0, 0.5)
