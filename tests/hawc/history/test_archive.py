"""Export and import: all points or an error, and never half a file."""

import contextlib
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from hawc.history import (
    AbstractHistory,
    AnnotatedHistory,
    DatabaseHistory,
    HistoryStoreError,
    MemoryHistory,
    export_history,
    import_history,
)
from hawc.samplers import Features, LatentsWithFeatures
from hawc.targets import StandardNormal, StudentT

from .storage.test_store import file_size_limit

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
    source = filled(DatabaseHistory(url, PLANE, gallery="source", create=True))
    export_history(source, tmp_path / "points.npz")
    for copy in (DatabaseHistory(url, PLANE, gallery="copy", create=True), MemoryHistory(2)):
        import_history(str(tmp_path / "points.npz"), copy)
        assert torch.equal(copy.points(), POINTS)


def test_numpy_reads_an_export(sqlite_url: str, tmp_path: Path) -> None:
    source = filled(
        DatabaseHistory(sqlite_url, PLANE, gallery="source", dtype=torch.float32, create=True)
    )
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
    export_history(filled(DatabaseHistory(sqlite_url, PLANE, create=True)), tmp_path / "points.npz")
    other = DatabaseHistory(sqlite_url, StudentT(2), gallery="other", create=True)
    with pytest.raises(
        ValueError, match=r"have the target in .*, StandardNormal\(dim=2\), got Student"
    ):
        import_history(tmp_path / "points.npz", other)
    assert len(other) == 0


def test_accepts_points_without_a_target(sqlite_url: str, exported: Path) -> None:
    copy = DatabaseHistory(sqlite_url, PLANE, create=True)
    import_history(exported, copy)
    assert torch.equal(copy.points(), POINTS)


ROWS = LatentsWithFeatures(PLANE, Features(3))


def filled_with_all(history: AnnotatedHistory) -> AnnotatedHistory:
    """Returns 5 rows: one forgotten, two of features alone; and 6 candidates."""
    history.bind(ROWS)
    history.append(torch.full((2, 5), 0.5), expected_length=0)
    history.add(torch.full((2, 3), 0.25), seeds=[3, 4], tags=["old"], generator_name="g")
    history.append(torch.full((1, 5), 123.0), expected_length=4)
    history.annotate(4, {"secret": "the forgotten prompt"})
    history.annotate(1, {"file": "b.png"})
    history.forget(4)
    history.add_candidates(torch.full((6, 3), 9.0))
    return history


def test_moves_all_that_is_said_of_rows(url: str, tmp_path: Path) -> None:
    source = DatabaseHistory(url, gallery="source", condition="a cat", create=True)
    filled_with_all(source)
    path = tmp_path / "rows.npz"
    export_history(source, path)
    copies: list[AnnotatedHistory] = [
        MemoryHistory(),
        MemoryHistory(5),
        DatabaseHistory(url, ROWS, gallery="copy", condition="another", create=True),
    ]
    for copy in copies:
        import_history(path, copy)
        assert torch.equal(copy.view().nan_to_num(-1), source.view().nan_to_num(-1))
        assert torch.equal(copy.candidates(), source.candidates())
        rows = [(row.id, row.seed, row.generator_name, row.metadata, row.tags) for row in copy]
        expected = [(r.id, r.seed, r.generator_name, r.metadata, r.tags) for r in source]
        assert rows == expected
        assert [row[0] for row in rows] == [0, 1, 2, 3]
        export_history(copy, tmp_path / "again.npz")
        import_history(tmp_path / "again.npz", again := MemoryHistory())
        assert (again.count(), again.count("old")) == (4, 2)


def test_an_export_has_no_trace_of_forgotten_rows(sqlite_url: str, tmp_path: Path) -> None:
    history = filled_with_all(DatabaseHistory(sqlite_url, condition="a cat", create=True))
    export_history(history, tmp_path / "rows.npz")
    with np.load(tmp_path / "rows.npz") as file:
        assert np.isnan(file["points"][4]).all()
        assert not (file["points"] == 123).any()
        assert "secret" not in str(file["notes"])
        assert (str(file["condition"]), int(file["num_features"])) == ("a cat", 3)


def test_a_history_that_keeps_no_notes_takes_points_alone(tmp_path: Path) -> None:
    class Plain(AbstractHistory):
        dim = 5
        rows = 0

        def __len__(self) -> int:
            return self.rows

        def points(self) -> torch.Tensor:
            return torch.zeros(self.rows, 5)

        def append(self, points: torch.Tensor, *, expected_length: int) -> None:
            self.rows += len(points)

        def exclusive(self) -> contextlib.AbstractContextManager[None]:
            return contextlib.nullcontext()

    export_history(filled_with_all(MemoryHistory()), tmp_path / "rows.npz")
    with pytest.raises(ValueError, match=r"`history` must keep notes on rows, as in .*, got Plain"):
        import_history(tmp_path / "rows.npz", Plain())
    export_history(MemoryHistory(5), tmp_path / "points.npz")
    import_history(tmp_path / "points.npz", Plain())
    points = MemoryHistory(5)
    points.append(torch.ones(2, 5), expected_length=0)
    export_history(points, tmp_path / "points.npz")
    import_history(tmp_path / "points.npz", plain := Plain())
    assert len(plain) == 2


def test_refuses_rows_with_another_number_of_features(sqlite_url: str, tmp_path: Path) -> None:
    export_history(filled_with_all(MemoryHistory()), tmp_path / "rows.npz")
    other = DatabaseHistory(sqlite_url, StandardNormal(5), create=True)
    with pytest.raises(
        ValueError, match=r"`history` must hold rows with 3 features, as in .*, got 0"
    ):
        import_history(tmp_path / "rows.npz", other)
    assert len(other) == 0


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
    np.savez(tmp_path / "newer.npz", format="hawc history 3", points=1, target="", gallery="")
    np.save(tmp_path / "array.npz.npy", np.ones(2))
    (tmp_path / "text.npz").write_text("points")
    for name, problem in (
        ("other.npz", "it was not written by export_history"),
        ("pickled.npz", "it is damaged"),
        ("newer.npz", "its format is 'hawc history 3', not 'hawc history 1' or 'hawc"),
        ("array.npz.npy", "it was not written by export_history"),
        ("text.npz", "it was not written by export_history"),
        ("none.npz", "No such file or directory"),
        (".", "a regular file is required, got a folder"),
    ):
        with pytest.raises(ValueError, match=f"got .*: {problem}"):
            import_history(tmp_path / name, MemoryHistory(2))
