"""What every test run says at its end."""

import pytest


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What tests counted and say with ``record_property("measured", text)``, whatever process they ran in."""
    lines = [
        (report.nodeid, value)
        for reports in terminalreporter.stats.values()
        for report in reports
        if isinstance(report, pytest.TestReport) and report.when == "call"
        for name, value in report.user_properties
        if name == "measured"
    ]
    if lines:
        terminalreporter.section("counted")
        for nodeid, value in lines:
            terminalreporter.write_line(f"{nodeid.rpartition('::')[2]}: {value}")
