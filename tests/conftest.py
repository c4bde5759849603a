"""How properties are tried; and, at the end of the tests, how much was simulated."""

import pytest
from hypothesis import settings

settings.register_profile("tidegate", deadline=None)  # how long an example takes says nothing on a busy machine
settings.load_profile("tidegate")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = terminalreporter.stats.get("passed", []) + terminalreporter.stats.get("failed", [])
    figures = [value for report in reports for name, value in report.user_properties if name == "simulated"]
    if figures:
        runs, crashes, struck, spent = (sum(column) for column in zip(*figures, strict=True))
        rate = f"{runs / spent:.0f} runs a second of processor time"
        terminalreporter.write_line(
            f"simulated: {runs:,} runs, {crashes:,} operator crashes, {struck:,} faults in all; {rate}"
        )
