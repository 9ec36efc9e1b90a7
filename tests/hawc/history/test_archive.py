"""Export and import: all points or an error, and never half a file."""

import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from hawc.history import (
    AbstractHistory,
    DatabaseHistory,
    HistoryStoreError,
    MemoryHistory,
    export_history,
    import_history,
)
from hawc.targets import StandardNormal, StudentT

from .test_store import file_size_limit

PLANE = StandardNormal(2)
POINTS = torch.randn(50, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def filled(history: AbstractHistory) -> AbstractHistory:
    history.append(POINTS, expected_length=0)
    return history


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    export_history(filled(MemoryHistory(2)), tmp_path / "points.npz")
    return tmp_path / "points.npz"


def test_moves_a_gallery_to_another_history(url: str, tmp_path: Path) -> None:
    source = filled(DatabaseHistory(url, PLANE, gallery="source"))
    export_history(source, tmp_path / "points.npz")
    for copy in (DatabaseHistory(url, PLANE, gallery="copy"), MemoryHistory(2)):
        import_history(str(tmp_path / "points.npz"), copy)
        assert torch.equal(copy.points(), POINTS)


def test_numpy_reads_an_export(sqlite_url: str, tmp_path: Path) -> None:
    source = filled(DatabaseHistory(sqlite_url, PLANE, gallery="source", dtype=torch.float32))
    export_history(source, tmp_path / "points.npz")
    with np.load(tmp_path / "points.npz", allow_pickle=False) as file:
        assert str(file["target"]) == "StandardNormal(dim=2)"
        assert str(file["gallery"]) == "source"
        assert file["points"].dtype == np.float32
        assert np.array_equal(file["points"], POINTS.float().numpy())


def test_an_empty_history_stays_empty(tmp_path: Path) -> None:
    export_history(MemoryHistory(3), tmp_path / "none.npz")
    copy = MemoryHistory(3)
    import_history(tmp_path / "none.npz", copy)
    assert len(copy) == 0


def test_replaces_an_earlier_export(exported: Path) -> None:
    before = exported.read_bytes()
    with exported.open("rb") as reader:
        export_history(MemoryHistory(2), exported)
        assert reader.read() == before  # an open reader keeps the old file
    copy = MemoryHistory(2)
    import_history(exported, copy)
    assert len(copy) == 0
    assert [path.name for path in exported.parent.iterdir()] == ["points.npz"]


def test_a_full_disk_leaves_the_earlier_export(exported: Path) -> None:
    before = exported.read_bytes()
    message = r"points\.npz cannot be written \(File too large\): does its folder exist"
    with file_size_limit(1000), pytest.raises(HistoryStoreError, match=message):
        export_history(filled(MemoryHistory(2)), exported)
    assert exported.read_bytes() == before
    assert [path.name for path in exported.parent.iterdir()] == ["points.npz"]


def test_says_that_a_folder_is_missing(tmp_path: Path) -> None:
    with pytest.raises(HistoryStoreError, match=r"\(No such file or directory\): does its folder"):
        export_history(MemoryHistory(2), tmp_path / "none" / "points.npz")


def test_refuses_another_ending(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"`path` must end in '\.npz', got '.*points\.np'"):
        export_history(MemoryHistory(2), tmp_path / "points.np")


def test_refuses_a_history_that_has_points(exported: Path) -> None:
    with pytest.raises(ValueError, match="`history` must be empty, got one of 50 points"):
        import_history(exported, filled(MemoryHistory(2)))


def test_refuses_a_history_of_another_dimension(exported: Path) -> None:
    with pytest.raises(ValueError, match=r"of the shape in .*, \(50, 2\), got dimension 3"):
        import_history(exported, MemoryHistory(3))


def test_refuses_a_gallery_with_another_target(sqlite_url: str, tmp_path: Path) -> None:
    export_history(filled(DatabaseHistory(sqlite_url, PLANE)), tmp_path / "points.npz")
    other = DatabaseHistory(sqlite_url, StudentT(2), gallery="other")
    with pytest.raises(
        ValueError, match=r"have the target in .*, StandardNormal\(dim=2\), got Student"
    ):
        import_history(tmp_path / "points.npz", other)
    assert len(other) == 0


def test_accepts_points_without_a_target(sqlite_url: str, exported: Path) -> None:
    copy = DatabaseHistory(sqlite_url, PLANE)
    import_history(exported, copy)
    assert torch.equal(copy.points(), POINTS)


def test_refuses_points_that_are_not_finite(tmp_path: Path) -> None:
    path = tmp_path / "points.npz"
    parts = {"format": "hawc history 1", "target": "", "gallery": ""}
    np.savez(path, points=np.full((2, 2), np.nan), **parts)
    with pytest.raises(ValueError, match="`points` must be finite"):
        import_history(path, MemoryHistory(2))


@pytest.mark.parametrize("share", [0.02, 0.4, 0.6, 0.98])
def test_refuses_a_truncated_file(exported: Path, share: float) -> None:
    exported.write_bytes(exported.read_bytes()[: int(share * exported.stat().st_size)])
    with pytest.raises(ValueError, match="`path` must name a complete file of export_history, got"):
        import_history(exported, MemoryHistory(2))


def test_refuses_a_file_with_a_changed_number(exported: Path) -> None:
    content = bytearray(exported.read_bytes())
    with zipfile.ZipFile(exported) as file:
        content[file.getinfo("points.npy").header_offset + 500] ^= 1
    exported.write_bytes(content)
    with pytest.raises(ValueError, match=r"got .*points\.npz: it is damaged"):
        import_history(exported, MemoryHistory(2))


def test_refuses_foreign_files(tmp_path: Path) -> None:
    np.savez(tmp_path / "other.npz", points=np.ones((2, 2)))
    np.savez(tmp_path / "pickled.npz", format=np.array([{}]), points=1, target=1, gallery=1)
    np.savez(tmp_path / "newer.npz", format="hawc history 2", points=1, target="", gallery="")
    np.save(tmp_path / "array.npz.npy", np.ones(2))
    (tmp_path / "text.npz").write_text("points")
    for name, problem in (
        ("other.npz", "it was not written by export_history"),
        ("pickled.npz", "it is damaged"),
        ("newer.npz", "its format is 'hawc history 2', not 'hawc history 1'"),
        ("array.npz.npy", "it was not written by export_history"),
        ("text.npz", "it was not written by export_history"),
        ("none.npz", "No such file or directory"),
        (".", "Is a directory"),
    ):
        with pytest.raises(ValueError, match=f"got .*: {problem}"):
            import_history(tmp_path / name, MemoryHistory(2))
