"""Conditions: any text, none shares rows with another, and missing ones are errors."""

import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch

from hawc.history import DatabaseHistory, Gallery, HistoryStoreError, galleries
from hawc.samplers import Features, LatentsWithFeatures
from hawc.targets import StandardNormal

PLANE = StandardNormal(2)
TEXTS = [
    "",
    " ",
    "a cat",
    "a cat ",
    "A cat",
    "\u00e9",
    "e\u0301",
    "two\nlines\tand a tab",
    "🐈 猫 'quoted\" %s {} \\ ; DROP TABLE hawc_galleries",
    "a photo of a cat, " * 40,
    "a photo of a cat, " * 40 + ".",
    "x" * 100_000,
]


def opened(url: str, condition: str, **options: object) -> DatabaseHistory:
    return DatabaseHistory(url, condition=condition, **options)  # type: ignore[arg-type]


def test_any_text_has_rows_of_its_own(url: str) -> None:
    for number, text in enumerate(TEXTS):
        history = DatabaseHistory(url, PLANE, condition=text, create=True)
        assert len(history) == 0
        history.append(torch.full((1, 2), float(number)), expected_length=0)
    assert list(Gallery(url).conditions()) == TEXTS
    assert [record.condition for record in galleries(url)] == TEXTS
    for number, text in enumerate(TEXTS):
        history = opened(url, text)
        assert (history[0].condition, history.condition) == (text, text)
        assert history.points().tolist() == [[number, number]]
        twin = pickle.loads(pickle.dumps(history))
        assert (twin.condition, twin.identity) == (text, history.identity)


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
def test_databases_of_other_encodings_take_any_condition(postgresql: object, encoding: str) -> None:
    url = postgresql(encoding)  # type: ignore[operator]
    history = DatabaseHistory(url, PLANE, condition="🐈 猫", create=True)
    history.append(torch.ones(1, 2), expected_length=0, metadata={"prompt": "猫"})
    row = opened(url, "🐈 猫")[0]
    assert (row.condition, row.metadata) == ("🐈 猫", {"prompt": "猫"})


@pytest.mark.parametrize("text", ["a\0b", "\ud800", 5, None, b"a cat"])
@pytest.mark.usefixtures("no_shape_checks")
def test_refuses_what_is_no_text(sqlite_url: str, tmp_path: Path, text: object) -> None:
    with pytest.raises(ValueError, match="`condition` must be"):
        DatabaseHistory(sqlite_url, PLANE, condition=text, create=True)  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())


def test_names_what_does_not_exist(url: str) -> None:
    if url.startswith("sqlite"):
        message = r"`url` must name a store that exists, .*: no such file\. .* create=True"
        with pytest.raises(ValueError, match=message):
            opened(url, "a cat")
    DatabaseHistory(url, PLANE, gallery="animals", condition="a cat on a mat", create=True)
    with pytest.raises(
        ValueError, match=r"`gallery` must .* got 'animal'; .* 'animals'\. .*create=T"
    ):
        opened(url, "a cat on a mat", gallery="animal")
    message = r"`condition` must .* got 'a cat on a met'; .* 'a cat on a mat'\. To .*create=True"
    with pytest.raises(ValueError, match=message):
        opened(url, "a cat on a met", gallery="animals")
    with pytest.raises(ValueError, match=r"got 'zzz'\. To create"):
        opened(url, "zzz", gallery="animals")
    with pytest.raises(ValueError, match=r"got 'a ca.*'\.\.\. \(4600 characters\)\. To create"):
        opened(url, "a cat under a rug, 1001" * 200, gallery="animals")
    assert [record.condition for record in galleries(url)] == ["a cat on a mat"]


def test_names_the_nearest_file(tmp_path: Path) -> None:
    DatabaseHistory(tmp_path / "images.db", PLANE, create=True)
    with pytest.raises(
        ValueError, match=r"no such file; the nearest there are images\.db\. To crea"
    ):
        DatabaseHistory(tmp_path / "imges.db", PLANE)
    assert [path.name for path in tmp_path.iterdir()] == ["images.db"]


def test_an_unbound_history_writes_nothing(url: str, tmp_path: Path) -> None:
    history = opened(url, "a cat", create=True)
    assert (history.dim, len(history), history.target, history.num_features) == (0, 0, None, 0)
    assert history.view().shape == history.points().shape == history.candidates().shape == (0, 0)
    assert (list(history), history.count(), history.features_elsewhere().shape) == ([], 0, (0, 0))
    for use in (
        lambda: history.append(torch.ones(1, 2), expected_length=0),
        lambda: history.exclusive(),
        lambda: history.identity,
        lambda: history.check_writable(),
    ):
        with pytest.raises(
            ValueError, match="`target` must be given before rows are recorded in the"
        ):
            use()
    assert "None" in repr(history)
    if url.startswith("sqlite"):
        assert not list(tmp_path.iterdir())
    else:
        assert galleries(url) == []
    twin = pickle.loads(pickle.dumps(history))
    history.bind(PLANE)
    assert (history.dim, history.target) == (2, repr(PLANE))
    twin.bind(PLANE)
    assert twin.identity == history.identity
    with pytest.raises(ValueError, match="`history` must hold points of dimension 3 for"):
        history.bind(StandardNormal(3))
    with pytest.raises(
        ValueError, match=r"`history` must be a gallery of Latents.*, got gallery 'def"
    ):
        history.bind(LatentsWithFeatures(StandardNormal(1), Features(1)))


def test_the_recorded_target_need_not_be_given(url: str) -> None:
    rows = LatentsWithFeatures(PLANE, Features(3))
    DatabaseHistory(url, rows, condition="a cat", dtype=torch.float32, create=True)
    history = opened(url, "a cat")
    assert (history.target, history.dim, history.num_features) == (repr(rows), 5, 3)
    assert history.points().dtype == torch.float32
    with pytest.raises(ValueError, match=r"`dtype` must be torch\.float32"):
        opened(url, "a cat", dtype=torch.float64)


def test_threads_may_create_one_condition_at_once(url: str) -> None:
    histories = [opened(url, "a cat", create=True) for _ in range(6)]
    with ThreadPoolExecutor(6) as threads:
        list(threads.map(lambda history: history.bind(PLANE), histories))
    assert len({history.identity for history in histories}) == 1
    assert len(galleries(url)) == 1


def test_a_read_only_store_gets_no_condition(tmp_path: Path) -> None:
    DatabaseHistory(tmp_path / "a.db", PLANE, create=True)
    history = opened(f"sqlite:///{tmp_path}/a.db?mode=ro", "a cat", create=True)
    with pytest.raises(HistoryStoreError, match="it is read-only"):
        history.bind(PLANE)
    assert len(galleries(tmp_path / "a.db")) == 1
