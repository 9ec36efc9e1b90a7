"""Galleries of November 2026, written by the program of that time, open and go on."""

import contextlib
import shutil
from pathlib import Path

import pytest
import torch

from hawc.history import DatabaseHistory, Gallery, galleries
from hawc.samplers import HistoryAwareSampler, LatentsWithFeatures
from hawc.targets import Empirical, StandardNormal

PLANE = StandardNormal(2)
DATA = Empirical(torch.arange(120.0).reshape(40, 3) % 7)
ROWS = LatentsWithFeatures(PLANE, DATA)


@pytest.fixture
def stores(tmp_path: Path) -> Path:
    """Returns a folder with points.db and features.db of that time."""
    return Path(shutil.copytree(Path(__file__).parent / "first_wave", tmp_path / "old"))


def test_reads_without_writing(stores: Path) -> None:
    files = [stores / "points.db", stores / "features.db"]
    before = [file.read_bytes() for file in files]
    points = DatabaseHistory(f"sqlite:///{files[0]}?mode=ro", PLANE)
    faces = DatabaseHistory(f"sqlite:///{files[1]}?mode=ro", ROWS, gallery="faces")
    assert (len(points), points.count(), points.view().shape) == (20, 20, (20, 2))
    assert (len(faces), faces.num_features, faces.view().shape) == (12, 3, (12, 5))
    assert len(points.candidates()) == len(faces.candidates()) == 0
    assert len(faces.features_elsewhere()) == 0
    row = faces[3]
    assert row.latent is not None
    assert row.features is not None
    assert (row.seed, row.metadata, row.tags, row.created.year) == (None, {}, (), 2026)
    decoded = row.latent @ torch.tensor([[1.0, 0.0, 2.0], [0.0, 2.0, 1.0]], dtype=torch.float32)
    assert torch.equal(row.features, decoded)
    assert [row.id for row in faces] == list(range(12))
    assert Gallery(files[1], "faces").conditions() == {"": 12}
    assert [(record.name, record.length) for record in galleries(files[1])] == [("faces", 12)]
    for store, name in zip(files, ("default", "faces"), strict=True):
        DatabaseHistory(store, gallery=name).view()  # may write, and does not
    assert [file.read_bytes() for file in files] == before


def test_the_recorded_rows_are_found_in_the_old_repr(stores: Path) -> None:
    history = DatabaseHistory(stores / "features.db", gallery="faces")
    assert (history.num_features, history.target) == (3, repr(ROWS))
    history.bind(ROWS)
    other = LatentsWithFeatures(PLANE, Empirical(torch.ones(40, 3)))
    with pytest.raises(
        ValueError, match=r"`history` must have the numbers of Lat.*, dim=3\)\), got"
    ):
        history.bind(other)


def test_goes_on(stores: Path) -> None:
    history = DatabaseHistory(stores / "points.db", PLANE)
    before = history.points()
    HistoryAwareSampler(PLANE, history=history).sample(
        5, generator=torch.Generator().manual_seed(0)
    )
    history.tag(range(3), "old")
    history.forget(1)
    again = DatabaseHistory(stores / "points.db", PLANE)
    assert torch.equal(again.points()[2:20], before[2:])
    assert (len(again), again.count(), again.count("old")) == (25, 24, 2)


def test_takes_images_made_elsewhere(stores: Path) -> None:
    faces = DatabaseHistory(stores / "features.db", ROWS, gallery="faces")
    assert faces.add(torch.ones(2, 3), seeds=[4, 5]) == range(12, 14)
    faces.add_candidates(torch.ones(6, 3))
    reader = DatabaseHistory(f"sqlite:///{stores}/features.db?mode=ro", ROWS, gallery="faces")
    assert (len(reader), len(reader.candidates()), reader[13].seed) == (14, 6, 5)


def test_counts_for_further_conditions(stores: Path) -> None:
    file = stores / "features.db"
    cats = DatabaseHistory(file, ROWS, gallery="faces", condition="cats", create=True)
    faces = DatabaseHistory(file, gallery="faces")
    assert torch.equal(cats.features_elsewhere(), faces.view()[:, 2:])
    faces.add(torch.ones(1, 3))
    assert len(cats.features_elsewhere()) == 13
    assert Gallery(file, "faces").conditions() == {"": 13, "cats": 0}


def write_all_and_fail(faces: DatabaseHistory) -> None:
    with faces.exclusive():
        faces.add(torch.ones(2, 3), seeds=[4, 5])
        faces.add_candidates(torch.ones(6, 3))
        faces.forget(2)
        assert (len(faces), faces.count(), len(faces.candidates())) == (14, 13, 6)
        raise KeyError


def test_a_failed_first_write_changes_nothing(stores: Path) -> None:
    file = stores / "features.db"
    faces = DatabaseHistory(file, ROWS, gallery="faces")
    with pytest.raises(KeyError):
        write_all_and_fail(faces)
    assert (len(faces), faces.count(), len(faces.candidates())) == (12, 12, 0)
    faces.add(torch.ones(1, 3), metadata={"a": 1})
    assert (len(DatabaseHistory(file, ROWS, gallery="faces")), faces[12].metadata) == (13, {"a": 1})


REROUNDED = LatentsWithFeatures(PLANE, Empirical(DATA.points * (1 + 1e-6)))


@pytest.mark.parametrize("is_tagged_first", [False, True])
def test_after_a_write_other_roundings_are_accepted(stores: Path, is_tagged_first: bool) -> None:
    file = stores / "features.db"
    if is_tagged_first:  # by a program that knows no data
        DatabaseHistory(file, gallery="faces").tag(0, "old")
    with pytest.raises(ValueError, match="the same in another rounding, which this old gallery"):
        DatabaseHistory(file, REROUNDED, gallery="faces")
    history = DatabaseHistory(file, gallery="faces")
    history.bind(ROWS)
    for fails in (True, False):
        with contextlib.suppress(KeyError), history.exclusive():
            history.tag(1, "old")
            if fails:
                raise KeyError
    again = DatabaseHistory(file, REROUNDED, gallery="faces")
    assert (len(again), again.count("old")) == (12, 1 + is_tagged_first)
    DatabaseHistory(file, gallery="faces").bind(REROUNDED)
    other = LatentsWithFeatures(PLANE, Empirical(DATA.points * 1.1))
    with pytest.raises(ValueError, match="of others: other data, or features of another network;"):
        again.bind(other)


def test_a_further_condition_records_the_numbers_too(stores: Path) -> None:
    file = stores / "features.db"
    DatabaseHistory(file, ROWS, gallery="faces", condition="cats", create=True)
    assert len(DatabaseHistory(file, REROUNDED, gallery="faces")) == 12
