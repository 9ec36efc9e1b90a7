"""The galleries of a store: records, checks and the list."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from sqlalchemy import update

from hawc.history import DatabaseHistory, GalleryRecord, HistoryStoreError, galleries
from hawc.history.storage.store import Store
from hawc.history.storage.tables import GALLERIES
from hawc.targets import AbstractTarget, StandardNormal, StudentT

PLANE = StandardNormal(2)


def test_lists_galleries(url: str) -> None:
    DatabaseHistory(url, PLANE, create=True).append(torch.ones(2, 2), expected_length=0)
    DatabaseHistory(url, StudentT(3), gallery="einé 2", dtype=torch.float32, create=True)
    DatabaseHistory(url, PLANE, create=True).append(torch.ones(1, 2), expected_length=2)
    assert galleries(url) == [
        GalleryRecord("default", 2, "float64", "StandardNormal(dim=2)", 3),
        GalleryRecord("einé 2", 3, "float32", "StudentT(dim=3, scale=1.0)", 0),
    ]


@pytest.mark.parametrize("encoding", ["UTF8", "LATIN1", "SQL_ASCII"])
def test_names_need_not_be_ascii(postgresql: Callable[[str], str], encoding: str) -> None:
    url = postgresql(encoding)
    with Store(url).reading() as connection:
        assert connection.exec_driver_sql("SHOW server_encoding").scalar() == encoding
    names = ["default", "Größe é", "é" * 100]
    for name in names:
        DatabaseHistory(url, PLANE, gallery=name, create=True).append(
            torch.ones(2, 2), expected_length=0
        )
        assert len(DatabaseHistory(url, PLANE, gallery=name, create=True).points()) == 2
    assert [gallery.name for gallery in galleries(url)] == names


def test_refuses_a_name_that_the_encoding_lacks(postgresql: Callable[[str], str]) -> None:
    url = postgresql("LATIN1")
    DatabaseHistory(url, PLANE, create=True)
    with pytest.raises(HistoryStoreError, match=r"the database's encoding .* ENCODING 'UTF8'"):
        DatabaseHistory(url, PLANE, gallery="猫", create=True)
    assert len(galleries(url)) == 1


def test_a_list_creates_nothing(url: str, tmp_path: Path) -> None:
    if url.startswith("sqlite"):
        with pytest.raises(ValueError, match=r"`url` must name a store that exists, .* no such"):
            galleries(url)
        assert not list(tmp_path.iterdir())
    else:
        assert galleries(url) == []


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (StudentT(2), r"`target` must be StandardNormal\(dim=2\), .* got StudentT\(dim=2, scale=1"),
        (StandardNormal(3), r"`target` must be StandardNormal\(dim=2\), with which gallery 'def"),
    ],
)
def test_refuses_another_distribution(url: str, target: AbstractTarget, message: str) -> None:
    DatabaseHistory(url, PLANE, create=True)
    with pytest.raises(ValueError, match=message):
        DatabaseHistory(url, target, create=True)
    DatabaseHistory(url, target, gallery="other", create=True)


def test_refuses_another_dimension_with_the_same_repr(url: str) -> None:
    DatabaseHistory(url, PLANE, create=True)
    with Store(url).writing() as connection:
        connection.execute(update(GALLERIES).values(dim=5))
    with pytest.raises(ValueError, match=r"`target\.dim` must be 5, .* got 2; name another"):
        DatabaseHistory(url, PLANE, create=True)


def test_refuses_another_dtype(url: str) -> None:
    DatabaseHistory(url, PLANE, dtype=torch.float32, create=True)
    with pytest.raises(ValueError, match=r"`dtype` must be torch\.float32, with .* got torch"):
        DatabaseHistory(url, PLANE, dtype=torch.float64, create=True)
    assert DatabaseHistory(url, PLANE, create=True).points().dtype == torch.float32
    assert (
        DatabaseHistory(url, PLANE, dtype=torch.float32, create=True).points().dtype
        == torch.float32
    )


def test_refuses_a_dtype_that_is_not_stored(sqlite_url: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"`dtype` must be .* got torch\.float16"):
        DatabaseHistory(sqlite_url, PLANE, dtype=torch.float16, create=True)
    torch.set_default_dtype(torch.float16)
    with pytest.raises(ValueError, match=r"for a new gallery, got None where .* torch\.float16"):
        DatabaseHistory(sqlite_url, PLANE, create=True)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["", "x" * 101, "a\nb", "a\0b"])
def test_refuses_a_name(sqlite_url: str, name: str) -> None:
    with pytest.raises(ValueError, match="`gallery` must be 1 to 100 printable characters, got"):
        DatabaseHistory(sqlite_url, PLANE, gallery=name, create=True)


def test_refuses_an_unknown_recorded_dtype(url: str) -> None:
    DatabaseHistory(url, PLANE, create=True)
    with Store(url).writing() as connection:
        connection.execute(update(GALLERIES).values(dtype="posit8"))
    with pytest.raises(HistoryStoreError, match="points of type 'posit8': it is damaged, or newer"):
        DatabaseHistory(url, PLANE, create=True)


def test_threads_may_create_one_gallery_at_once(url: str) -> None:
    with ThreadPoolExecutor(6) as threads:
        histories = list(threads.map(lambda _: DatabaseHistory(url, PLANE, create=True), range(6)))
    histories[0].append(torch.ones(1, 2), expected_length=0)
    assert [len(history) for history in histories] == [1] * 6
    assert len(galleries(url)) == 1
