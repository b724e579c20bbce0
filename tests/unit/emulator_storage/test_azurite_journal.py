"""Azurite's metadata as `azurite_journal.cjs` keeps it, in the Node and with the LokiJS that Azurite runs on."""

import json
import os
import shlex
import subprocess
from pathlib import Path

from emulators.storage.azurite import default_command

CHECK = Path(__file__).with_name("azurite_journal_check.cjs")


def test_nothing_saved_is_lost(tmp_path: Path) -> None:
    command = shlex.split(os.environ.get("CLAIMLENS_AZURITE", "")) or list(default_command())
    node = command[0] if len(command) > 1 else "node"
    ended = subprocess.run(
        [node, str(CHECK), command[-1], str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    seen = json.loads(ended.stdout)
    assert seen["reopened"] > 100
    assert seen["rewritten"] > 3
    assert seen["torn"] > 10
