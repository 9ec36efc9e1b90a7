"""Names of stores, galleries and conditions; a mistake names the nearest ones."""

from pathlib import Path

import pytest

from hawc import DatabaseHistory, StandardNormal
from hawc.gallery_commands.place import named_condition, named_gallery, quoted
from tests.hawc.gallery_commands.galleries import store_in

TARGET = StandardNormal(1)


def test_the_default_gallery_or_the_only_one(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    DatabaseHistory(path, TARGET, gallery="one", create=True)
    assert list(named_gallery(str(path), None).conditions()) == [""]
    DatabaseHistory(path, TARGET, gallery="two", create=True)
    with pytest.raises(ValueError, match=r'got none; there are "one", "two"\.$'):
        named_gallery(str(path), None)
    DatabaseHistory(path, TARGET, condition="a", create=True)
    assert list(named_gallery(str(path), None).conditions()) == ["a"]


def test_missing_names_are_not_created(tmp_path: Path) -> None:
    path = store_in(tmp_path)
    before = path.read_bytes()
    with pytest.raises(ValueError, match=r'got "othet"; did you mean "other"\?$'):
        named_gallery(str(path), "othet")
    with pytest.raises(ValueError, match='got "x"; there are "default", "other"'):
        named_gallery(str(path), "x")
    gallery = named_gallery(str(path), "default")
    with pytest.raises(ValueError, match='got "a dg"; did you mean "a dog"'):
        named_condition(gallery, "a dg")
    with pytest.raises(ValueError, match=r"`--condition` must name a condition, got none; there"):
        named_condition(gallery, None)
    assert named_condition(gallery, "a dog") == "a dog"
    assert named_condition(named_gallery(str(path), "other"), None) == ""
    missing = tmp_path / "a stor.db"
    with pytest.raises(ValueError, match=r'a stor\.db; did you mean "a store\.db"\?$'):
        named_gallery(str(missing), None)
    with pytest.raises(ValueError, match=r"x\.db; no such file\.$"):
        named_gallery(str(tmp_path / "no where" / "x.db"), None)
    assert not missing.exists()
    assert path.read_bytes() == before


def test_shows_where_a_long_condition_differs(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    prompt = "a cat on a roof, " * 100
    DatabaseHistory(path, TARGET, condition=prompt + "at night", create=True)
    with pytest.raises(ValueError, match=r'nearest one differs from character 1705: "ght"\.$'):
        named_condition(named_gallery(str(path), None), prompt + "at nine")


def test_a_store_without_galleries(tmp_path: Path) -> None:
    (tmp_path / "empty.db").touch()
    with pytest.raises(ValueError, match="`URL` must name a store with galleries"):
        named_gallery(str(tmp_path / "empty.db"), None)
    assert (tmp_path / "empty.db").read_bytes() == b""


def test_few_and_short_names_are_shown(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    for i in range(8):
        DatabaseHistory(path, TARGET, condition=f"{i} {'x' * 300}", create=True)
    with pytest.raises(ValueError, match=r"and 3 more\.$") as caught:
        named_condition(named_gallery(str(path), None), "y")
    assert len(str(caught.value)) < 500
    assert quoted("x" * 100) == f'"{"x" * 57}..."'
