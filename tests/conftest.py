"""The order of the tests, and what every run says at its end."""

import pytest

# The test processes share the files in this order: the longest first, and last what waits for the images of the first.
ORDER = (
    "integration/test_images.py",
    "e2e/",
    "integration/eventgrid_pubsub/",
    "integration/",
    "contract/",
    "unit/",
)
LAST = "integration/test_compose_stack.py"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=_place)


def _place(item: pytest.Item) -> int:
    if LAST in item.nodeid:
        return len(ORDER)
    return next(place for place, part in enumerate(ORDER) if part in item.nodeid)


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
