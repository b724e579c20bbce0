"""The programs of a stack: what each is told."""

from pathlib import Path

import services.classifier.settings
import services.ingest.settings
import services.query.settings
from tools.stack.programs import services as apps
from tools.stack.settings import StackSettings

SETTINGS = {
    "ingest": services.ingest.settings.Settings,
    "classifier": services.classifier.settings.Settings,
    "query": services.query.settings.Settings,
}


def test_every_variable_is_a_setting_of_a_service(tmp_path: Path) -> None:
    known = {f"CLAIMLENS_{name.upper()}" for kind in SETTINGS.values() for name in kind.model_fields}
    for app in apps(StackSettings(data=tmp_path), "sockets"):
        unknown = {name for name in app.env if name.startswith("CLAIMLENS_")} - known
        assert not unknown, f"{app.name} reads no such variable"


def test_what_a_stack_keeps_is_below_its_data(tmp_path: Path) -> None:
    query = next(app for app in apps(StackSettings(data=tmp_path), "sockets") if app.name == "query")
    assert Path(query.env["CLAIMLENS_DATA_DIR"]).is_relative_to(tmp_path)
