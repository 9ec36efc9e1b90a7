"""Opening adds latents to features alone, once, also at the same time."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from hawc.history import DatabaseHistory, HistoryStoreError
from hawc.history.storage.opening import Opening
from hawc.history.storage.store import Store
from hawc.samplers import Features, LatentsWithFeatures
from hawc.targets import Empirical, StandardNormal

ROWS = LatentsWithFeatures(StandardNormal(2), Features(3))


def folder(url: str) -> DatabaseHistory:
    history = DatabaseHistory(url, create=True)
    history.add(torch.ones(4, 3))
    return history


def test_another_object_is_told_to_open_again(url: str) -> None:
    viewer = folder(url)
    sampler = DatabaseHistory(url, ROWS)
    assert (viewer.dim, sampler.dim, len(sampler.view())) == (3, 5, 4)
    viewer.add(torch.zeros(1, 3))  # still features alone
    sampler.append(torch.ones(1, 5), expected_length=5)
    with pytest.raises(
        HistoryStoreError, match="another process has given its rows latents: open it"
    ):
        viewer.view()
    viewer.bind(ROWS)
    assert torch.equal(viewer.view().nan_to_num(-1), sampler.view().nan_to_num(-1))


def test_samplers_add_latents_at_once(url: str) -> None:
    folder(url)
    histories = [DatabaseHistory(url) for _ in range(6)]
    with ThreadPoolExecutor(6) as threads:
        list(threads.map(lambda history: history.bind(ROWS), histories))
    assert {history.dim for history in histories} == {5}
    assert {history.target for history in histories} == {repr(ROWS)}


@pytest.mark.parametrize(
    "rows",
    [
        LatentsWithFeatures(StandardNormal(2), Features(4)),
        StandardNormal(5),
        LatentsWithFeatures(StandardNormal(2), Features(3, "other network")),
    ],
)
def test_other_features_get_no_latents(url: str, rows: StandardNormal) -> None:
    DatabaseHistory(url, Features(3, "network"), create=True).add(torch.ones(4, 3))
    with pytest.raises(ValueError, match="`history` must hold points of dimension"):
        DatabaseHistory(url).bind(rows)
    assert DatabaseHistory(url).dim == 3


def test_unnamed_features_get_the_name_of_their_sampler(url: str) -> None:
    folder(url)
    data = Empirical(torch.ones(10, 3))
    DatabaseHistory(url, LatentsWithFeatures(StandardNormal(2), data))
    DatabaseHistory(
        url, LatentsWithFeatures(StandardNormal(2), Empirical(torch.ones(10, 3) + 1e-7))
    )
    with pytest.raises(ValueError, match="`target` must be Lat"):
        DatabaseHistory(url, ROWS)


def test_places_name_gallery_and_condition(sqlite_url: str) -> None:
    store = Store(sqlite_url)
    assert Opening(store, "a").place == f"gallery 'a' at {store}"
    assert Opening(store, "a", "b").place == f"gallery 'a', condition 'b', at {store}"
