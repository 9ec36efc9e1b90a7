"""Which callbacks a run has that nobody asked for."""

from pathlib import Path
from typing import Any

import pytest
from lightning import Callback
from lightning.pytorch.callbacks import ModelCheckpoint, RichProgressBar

from callbacks import Preemption
from commands.default_callbacks import default_callbacks

ALONE = ["EpochCompletion", "LastCheckpoint", "BestCheckpoint", "PacedProgressBar"]


@pytest.mark.parametrize(
    ("own", "options", "in_job", "expected"),
    [
        ([], {}, False, ALONE),
        ([], {}, True, [*ALONE, "Preemption"]),
        ([], {"enable_checkpointing": False}, True, ["EpochCompletion", "PacedProgressBar"]),
        ([], {"barebones": True, "enable_checkpointing": False}, False, ["EpochCompletion"]),
        ([ModelCheckpoint()], {}, False, ["EpochCompletion", "PacedProgressBar"]),
        ([ModelCheckpoint(), Preemption(), RichProgressBar()], {}, True, ALONE[:2]),
    ],
)
def test_what_is_added(
    own: list[Callback], options: dict[str, Any], in_job: bool, expected: list[str], tmp_path: Path
) -> None:
    defaults = {"enable_checkpointing": None, "enable_progress_bar": None, "barebones": False}
    added = default_callbacks(own, {**defaults, **options}, tmp_path, in_job)
    assert [type(callback).__name__ for callback in added] == expected
