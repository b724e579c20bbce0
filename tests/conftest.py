"""How the tests are shared out among processes (pytest-xdist)."""

from pathlib import PurePath

import pytest

# Each starts processes that its tests share: the whole stack, images.
SHARED = {"e2e": "stack"}


@pytest.hookimpl(tryfirst=True)  # xdist reads the marks in the same hook
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of one file stay together, for they share what they started; all of e2e does, for its stack."""
    for item in items:
        parts = PurePath(item.path).parts
        group = next((SHARED[part] for part in parts if part in SHARED), item.path.as_posix())
        item.add_marker(pytest.mark.xdist_group(group))


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
