"""Rows of histories of each kind: added, listed, tagged, annotated, forgotten, restored."""

from collections.abc import Callable
from datetime import UTC, datetime

import numpy as np
import pytest
import torch

from hawc.history import AnnotatedHistory, DatabaseHistory, HistoryConflictError, MemoryHistory
from hawc.history.annotation import Annotation
from hawc.samplers import Features, LatentsWithFeatures
from hawc.targets import StandardNormal

ROWS = LatentsWithFeatures(StandardNormal(2), Features(3))
NAN = float("nan")


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def new(request: pytest.FixtureRequest) -> Callable[[], AnnotatedHistory]:
    """Returns a function that opens the history of one place; in memory a new one."""
    if request.param == "memory":
        return MemoryHistory
    if request.param == "sqlite":
        url = str(request.getfixturevalue("sqlite_url"))
    else:
        url = str(request.getfixturevalue("postgresql")())
    return lambda: DatabaseHistory(url, condition="a cat", create=True)


@pytest.fixture
def history(new: Callable[[], AnnotatedHistory]) -> AnnotatedHistory:
    """Returns two rows of latents with features, then two of features alone."""
    history = new()
    history.bind(ROWS)
    rows = torch.arange(10.0).reshape(2, 5)
    history.append(rows, expected_length=0, metadata=[{"n": 0}, {"n": 1}])  # type: ignore[call-arg]
    ids = history.add(torch.ones(2, 3), seeds=[7, 8], metadata={"file": "a.png"}, tags=["old"])
    assert ids == range(2, 4)
    return history


def test_features_alone_have_no_latents(history: AnnotatedHistory) -> None:
    assert (len(history), history.dim, history.num_features) == (4, 5, 3)
    view = history.view()
    assert torch.equal(view[:2], torch.arange(10.0).reshape(2, 5))
    assert bool(view[2:, :2].isnan().all())
    assert torch.equal(view[2:, 2:], torch.ones(2, 3))
    assert torch.equal(history.points().nan_to_num(9), view.nan_to_num(9))


def test_rows_hold_all_that_is_said(history: AnnotatedHistory) -> None:
    first, _, _, last = history
    assert first.latent is not None
    assert first.features is not None
    assert first.latent.tolist() == [0, 1]
    assert first.features.tolist() == [2, 3, 4]
    assert (first.seed, first.metadata, first.tags, first.generator_name) == (
        None,
        {"n": 0},
        (),
        None,
    )
    assert last.latent is None
    assert (last.id, last.seed, last.metadata, last.tags) == (3, 8, {"file": "a.png"}, ("old",))
    assert last.condition == history.condition
    assert abs((datetime.now(UTC) - last.created).total_seconds()) < 60
    assert history[-1].id == 3


def test_a_row_is_a_copy(history: AnnotatedHistory) -> None:
    row = history[0]
    assert row.latent is not None
    row.latent.zero_()
    row.metadata["n"] = 5
    assert history.view()[0, 1] == 1
    assert history[0].metadata == {"n": 0}


def test_filters_and_counts(history: AnnotatedHistory) -> None:
    assert [row.id for row in history.rows(tag="old")] == [2, 3]
    assert [row.id for row in history.rows(where=lambda row: row.metadata.get("n") == 1)] == [1]
    assert (history.count(), history.count("old"), history.count("new")) == (4, 2, 0)


def test_tags_are_given_and_removed(history: AnnotatedHistory) -> None:
    history.tag([1, 3], "good", "blue", "good")
    history.untag(3, "old", "never given")
    assert [row.tags for row in history] == [(), ("good", "blue"), ("old",), ("good", "blue")]
    history.tag(3, "old")
    assert history[3].tags == ("good", "blue", "old")


def test_metadata_are_merged(history: AnnotatedHistory) -> None:
    history.annotate(range(2), [{"stars": 5}, {"n": None, "ü": [1, {"a": 2.5}]}])
    assert history[0].metadata == {"n": 0, "stars": 5}
    assert history[1].metadata == {"n": None, "ü": [1, {"a": 2.5}]}


def test_forgotten_rows_keep_their_place(history: AnnotatedHistory) -> None:
    before = history.view()
    history.forget([0, 2])
    assert not before[0].isnan().any(), "an earlier view changed"
    assert (len(history), history.count(), history.count("old")) == (4, 2, 1)
    assert history.view()[[0, 2]].isnan().all()
    assert [row.id for row in history] == [1, 3]
    with pytest.raises(ValueError, match="row 2 is forgotten; other rows can be read"):
        history[-2]
    history.forget(0)  # again
    history.append(torch.ones(1, 5), expected_length=4)
    assert [row.id for row in history] == [1, 3, 4]


def test_metadata_may_speak_of_forgetting(history: AnnotatedHistory) -> None:
    history.annotate(0, {"forgotten": True, "deep": {"forgotten": True}})
    assert history.count() == 4
    assert history.view().isnan().sum() == 4


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        (4, r"`ids` must be ids of rows, 0 to 3, got 4"),
        ([0, -1], r"`ids` must be ids of rows, 0 to 3, got -1"),
        ([0.5], r"`ids` must be whole numbers, got \[0\.5\]"),
        (1, r"`ids` must be ids of rows that are not forgotten, got 1"),
    ],
)
@pytest.mark.usefixtures("no_shape_checks")
def test_refuses_ids(history: AnnotatedHistory, ids: object, message: str) -> None:
    history.forget(1)
    for change in (
        lambda: history.tag(ids, "x"),  # type: ignore[arg-type]
        lambda: history.untag(ids, "x"),  # type: ignore[arg-type]
        lambda: history.annotate(ids, {}),  # type: ignore[arg-type]
    ):
        with pytest.raises(ValueError, match=message):
            change()
    assert [row.tags for row in history] == [(), ("old",), ("old",)]


def test_an_index_out_of_range_is_an_index_error(history: AnnotatedHistory) -> None:
    for index in (4, -5):
        with pytest.raises(IndexError, match=r"row -?\d+ does not exist; the rows are 0 to 3"):
            history[index]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"features": torch.ones(2, 4)}, r"`features` must have shape \(n, 3\)"),
        ({"features": torch.tensor([[1.0, NAN, 1.0]])}, "`features` must be finite"),
        ({"features": torch.ones(0, 3)}, r"`features` must have shape \(n, 3\) with n >= 1"),
        ({"metadata": {"a": NAN}}, "`metadata` must be JSON, got a value that is not"),
        ({"metadata": {"a": np.float32(1)}}, "`metadata` must be JSON, .* float32"),
        ({"metadata": [{"a": 1}]}, "one dict per row, 2 in all, got"),
        ({"metadata": {1: 2}}, "`metadata` must be a dict with str keys for each row"),
        ({"seeds": [1]}, "`seeds` must be one whole number per row, 2 in all, got"),
        ({"tags": [""]}, "`tags` must be texts that are not empty"),
        ({"generator_name": 5}, "`generator_name` must be text or None, got 5"),
    ],
)
@pytest.mark.usefixtures("no_shape_checks")
def test_a_refused_image_is_not_added(
    history: AnnotatedHistory, given: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        history.add(**{"features": torch.ones(2, 3), **given})  # type: ignore[arg-type]
    with pytest.raises(HistoryConflictError):
        history.add(torch.ones(2, 3), expected_length=3)
    assert (len(history), history.count("old")) == (4, 2)


def test_metadata_that_are_not_json_record_no_point(history: AnnotatedHistory) -> None:
    with pytest.raises(ValueError, match="`metadata` must be JSON"):
        history.append(torch.ones(1, 5), expected_length=4, metadata={"a": {1, 2}})  # type: ignore[call-arg]
    assert len(history) == 4


def test_a_refused_first_image_creates_nothing(new: Callable[[], AnnotatedHistory]) -> None:
    history = new()
    with pytest.raises(ValueError, match="`metadata` must be JSON"):
        history.add(torch.ones(2, 3), metadata={"a": NAN})
    assert (history.dim, len(history)) == (0, 0)


def test_a_folder_comes_before_its_sampler(new: Callable[[], AnnotatedHistory]) -> None:
    """Features alone become rows of a sampler, whose latents they lack."""
    history = new()
    history.add(np.ones((4, 3), np.float32), metadata=[{"file": f"{i}.png"} for i in range(4)])
    history.add_candidates(torch.zeros(2, 3))
    history.forget(1)
    assert (history.dim, history.num_features, history[0].latent) == (3, 3, None)
    history.bind(ROWS)
    assert (history.dim, history.num_features, len(history), history.count()) == (5, 3, 4, 3)
    history.append(torch.arange(5.0)[None], expected_length=4)
    assert history.view()[:, 0].isnan().tolist() == [True] * 4 + [False]
    assert history.view()[:, -1].isnan().tolist() == [False, True, False, False, False]
    assert (history[3].metadata, len(history.candidates())) == ({"file": "3.png"}, 2)
    history.bind(ROWS)
    with pytest.raises(ValueError, match="`history` must hold points of dimension 6"):
        history.bind(LatentsWithFeatures(StandardNormal(3), Features(3)))


def test_points_have_no_features(new: Callable[[], AnnotatedHistory]) -> None:
    history = new()
    history.bind(StandardNormal(2))
    history.append(torch.ones(1, 2), expected_length=0)
    with pytest.raises(ValueError, match="`history` must hold rows with features, got"):
        history.add(torch.ones(1, 2))
    row = history[0]
    assert row.latent is not None
    assert (row.latent.tolist(), row.features) == ([1, 1], None)
    assert history.features_elsewhere().shape == history.candidates().shape == (0, 0)


def test_restores_rows_of_all_kinds(new: Callable[[], AnnotatedHistory]) -> None:
    rows = torch.arange(20.0).reshape(4, 5)
    rows[1, :2], rows[3] = NAN, NAN
    said = {1: Annotation(seed=5, tags=("a",)), 3: Annotation(metadata={"x": 1}, is_forgotten=True)}
    history = new()
    history.bind(ROWS)
    history.restore(rows, said)
    assert torch.equal(history.view().nan_to_num(-1), rows.nan_to_num(-1))
    assert [(row.id, row.seed, row.tags) for row in history] == [
        (0, None, ()),
        (1, 5, ("a",)),
        (2, None, ()),
    ]
    with pytest.raises(HistoryConflictError):
        history.restore(rows, said)
    assert len(history) == 4
