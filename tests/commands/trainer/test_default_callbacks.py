"""The callbacks that a run gets besides the user's."""

from pathlib import Path
from typing import Any

import pytest
from lightning import Callback
from lightning.pytorch.callbacks import ModelCheckpoint, ModelSummary, RichProgressBar

from callbacks import Preemption
from commands.trainer.default_callbacks import default_callbacks

ALONE = [
    *("RunFolderCheck", "EpochCompletion", "LastCheckpoint", "BestCheckpoint"),
    *("PacedProgressBar", "NetworkTable"),
]


@pytest.mark.parametrize(
    ("own", "options", "in_job", "expected"),
    [
        ([], {}, False, ALONE),
        ([], {}, True, [*ALONE, "Preemption"]),
        ([], {"enable_checkpointing": False}, True, [*ALONE[:2], *ALONE[4:]]),
        ([], {"enable_model_summary": False}, False, ALONE[:5]),
        ([], {"barebones": True}, False, ALONE[:2]),
        ([ModelCheckpoint()], {}, False, [*ALONE[:2], *ALONE[4:]]),
        (
            [ModelCheckpoint(), Preemption(), RichProgressBar(), ModelSummary(2)],
            *({}, True, ALONE[:3]),
        ),
    ],
)
def test_what_is_added(
    own: list[Callback], options: dict[str, Any], in_job: bool, expected: list[str], tmp_path: Path
) -> None:
    switches = ("enable_checkpointing", "enable_progress_bar", "enable_model_summary")
    defaults = {**dict.fromkeys(switches), "barebones": False}
    added = default_callbacks(own, {**defaults, **options}, tmp_path, in_job)
    assert [type(callback).__name__ for callback in added] == expected


def test_a_users_checkpoints_lie_in_the_run_by_default(tmp_path: Path) -> None:
    """Lightning would put them beside the files of the first logger."""
    own = [ModelCheckpoint(), ModelCheckpoint(tmp_path / "mine")]
    switches = ("enable_checkpointing", "enable_progress_bar", "enable_model_summary")
    options = {**dict.fromkeys(switches), "barebones": False}
    default_callbacks(own, options, tmp_path / "run", in_job=False)
    folders = [Path(str(callback.dirpath)) for callback in own]
    assert folders == [tmp_path / "run" / "checkpoints", tmp_path / "mine"]
