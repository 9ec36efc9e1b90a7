"""All conditions of a gallery: counts, rows, forgetting; what does not exist is an error."""

import pytest
import torch

from hawc.history import DatabaseHistory, Gallery
from hawc.samplers import Features

FEATURES = Features(2, "network")


@pytest.fixture
def gallery(url: str) -> Gallery:
    """Returns a gallery of three conditions with 2, 1 and 0 rows."""
    gallery = Gallery(url, "faces", create=True)
    assert gallery.conditions() == {}
    for condition, count in (("a cat", 2), ("a dog", 1), ("", 0)):
        history = gallery.history(condition, FEATURES, create=True)
        if count:
            history.add(torch.ones(count, 2), seeds=range(count), tags=[condition[2:], "all"])
    DatabaseHistory(url, FEATURES, create=True).add(torch.ones(5, 2))  # another gallery
    return gallery


def test_counts_conditions(gallery: Gallery) -> None:
    assert gallery.conditions() == {"a cat": 2, "a dog": 1, "": 0}
    assert (gallery.count(), gallery.count("a cat"), gallery.count(tag="dog")) == (3, 2, 1)
    gallery.history("a cat").forget(0)
    assert (gallery.conditions()["a cat"], gallery.count()) == (1, 2)


def test_yields_rows_of_all_conditions(gallery: Gallery) -> None:
    rows = [(row.gallery, row.condition, row.id, row.seed) for row in gallery]
    assert rows == [("faces", "a cat", 0, 0), ("faces", "a cat", 1, 1), ("faces", "a dog", 0, 0)]
    assert [row.id for row in gallery.rows("a cat", tag="all")] == [0, 1]
    assert [row.condition for row in gallery.rows(where=lambda row: row.seed == 0)] == [
        "a cat",
        "a dog",
    ]


def test_forgets_one_condition_or_all(gallery: Gallery) -> None:
    assert gallery.forget("a cat") == 2
    assert gallery.conditions() == {"a cat": 0, "a dog": 1, "": 0}
    assert gallery.forget() == 1
    assert (list(gallery), gallery.count(), gallery.forget()) == ([], 0, 0)


def test_says_which_condition_is_missing(gallery: Gallery) -> None:
    message = r"`condition` must name one of the conditions of gallery 'faces' at .*, got 'a cut'; "
    for use in (gallery.history, gallery.count, gallery.forget, lambda c: list(gallery.rows(c))):
        with pytest.raises(ValueError, match=message + r"the nearest are 'a cat'.* create=True"):
            use("a cut")
    assert list(gallery.conditions()) == ["a cat", "a dog", ""]


def test_says_which_gallery_is_missing(gallery: Gallery) -> None:
    with pytest.raises(
        ValueError, match=r"`gallery` must name one of the gal.*got 'face'.* 'faces'"
    ):
        Gallery(gallery.location if "sqlite" in gallery.location else gallery._store.url, "face")
    assert repr(gallery) == f"Gallery({gallery.location!r}, 'faces')"
    assert gallery.name == "faces"


def test_says_that_the_store_is_missing(sqlite_url: str) -> None:
    with pytest.raises(
        ValueError, match=r"`url` must name a store that exists, .*: no such file\. To"
    ):
        Gallery(sqlite_url)
    assert Gallery(sqlite_url, create=True).count() == 0
