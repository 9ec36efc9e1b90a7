"""Notes and times in memory, and their state."""

import pickle
from datetime import UTC, datetime, timedelta

from hawc.history.annotation import Annotation
from hawc.history.row_log import RowLog

NOW = datetime(2026, 12, 1, tzinfo=UTC)


def log() -> RowLog:
    log = RowLog()
    log.append([{}, {"seed": 1}], NOW)
    log.append([{"tags": ["a"]}], NOW + timedelta(days=1))
    log.note([(1, {"metadata": {"b": 2}}), (0, {"forgotten": True})])
    return log


def test_notes_and_times_belong_to_positions() -> None:
    assert log().annotations(range(1, 3)) == {
        1: Annotation(seed=1, metadata={"b": 2}),
        2: Annotation(tags=("a",)),
    }
    assert log().created(range(3)) == [NOW, NOW, NOW + timedelta(days=1)]
    assert log().forgotten() == [0]


def test_a_state_restores_all_but_times() -> None:
    state = pickle.loads(pickle.dumps(log().state_dict()))
    later = NOW + timedelta(days=9)
    loaded = RowLog.loaded(state, 3, later)
    loaded.append([{"seed": 9}], NOW)
    assert loaded.annotations(range(3)) == log().annotations(range(3))
    assert loaded.annotations(range(3, 4)) == {3: Annotation(seed=9)}
    assert loaded.created(range(3)) == [later] * 3
    assert "time" not in repr(state), "checkpoints of equal trainings would differ"


def test_a_state_of_points_alone_gets_a_time() -> None:
    loaded = RowLog.loaded({}, 2, NOW)
    assert (loaded.created(range(2)), loaded.annotations(range(2))) == ([NOW, NOW], {})
