"""At the end of the tests: how much was simulated."""

import pytest


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = terminalreporter.stats.get("passed", []) + terminalreporter.stats.get("failed", [])
    figures = [value for report in reports for name, value in report.user_properties if name == "simulated"]
    if figures:
        runs, crashes, struck, spent = (sum(column) for column in zip(*figures, strict=True))
        rate = f"{runs / spent:.0f} runs a second of processor time"
        terminalreporter.write_line(
            f"simulated: {runs:,} runs, {crashes:,} operator crashes, {struck:,} faults in all; {rate}"
        )
