"""Where things are, and what makes the places change."""

from pathlib import Path

import pytest

from tools.setup import locations
from tools.setup.errors import NotSetUp


def test_cache_follows_its_variables(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("CLAIMLENS_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert locations.cache_dir() == tmp_path / ".cache" / "claimlens"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert locations.cache_dir() == tmp_path / "xdg" / "claimlens"
    monkeypatch.setenv("CLAIMLENS_CACHE", str(tmp_path / "ours"))
    assert locations.cache_dir() == tmp_path / "ours"


@pytest.mark.parametrize(
    "place", ["daprd", "dapr_cli", "dapr_runtime_path", "node", "azurite", "samples_dir", "model_dir"]
)
def test_what_is_missing_says_what_to_do(place: str, cache: Path) -> None:
    with pytest.raises(NotSetUp, match="make setup"):
        getattr(locations, place)()


def test_daprd_is_where_the_cli_looks_for_it(cache: Path) -> None:
    home = locations.dapr_home()
    (home / ".dapr" / "bin").mkdir(parents=True)
    (home / ".dapr" / "bin" / "daprd").write_text("")
    assert locations.daprd() == locations.dapr_runtime_path() / ".dapr" / "bin" / "daprd"
    assert home.is_relative_to(cache)


def test_azurite_is_a_command_of_node_and_script(cache: Path) -> None:
    home = locations.azurite_home()
    main = home / "node_modules" / "azurite" / "dist" / "src" / "blob" / "main.js"
    main.parent.mkdir(parents=True)
    main.write_text("")
    (home / "node").write_text("")
    assert locations.azurite("blob") == [str(home / "node"), str(main)]


def test_digest_changes_with_content_and_order(tmp_path: Path) -> None:
    one, two, three = (tmp_path / name for name in "abc")
    one.write_text("x")
    two.write_text("y")
    three.write_text("x")
    assert locations.digest(one) == locations.digest(three)
    assert locations.digest(one, two) != locations.digest(two, one)
    # The boundary between files counts too: "x"+"y" is not "xy".
    (tmp_path / "joined").write_text("xy")
    assert locations.digest(one, two) != locations.digest(tmp_path / "joined")
