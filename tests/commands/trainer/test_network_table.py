"""The table of networks shows weights and no count of operations."""

from pathlib import Path

import pytest

from commands.trainer.network_table import NetworkTable
from tests.helpers import TinyImages, quiet_trainer, tiny_wgan


def test_networks_and_their_weights_are_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = tiny_wgan()
    trainer = quiet_trainer(
        tmp_path, callbacks=[NetworkTable()], enable_model_summary=True, max_steps=1
    )
    trainer.fit(model, TinyImages(batch_size=24))
    shown = capsys.readouterr().out
    count = sum(weight.numel() for weight in model.parameters())
    assert f"{count:,} weights, {count:,} of them trained, 0.01 MB" in shown
    assert {"generator", "critic", "train"} <= {*shown.replace("│", " ").split()}
    assert "FLOP" not in shown


def test_large_numbers_are_printed_in_full(capsys: pytest.CaptureFixture[str]) -> None:
    columns = [(name, ["x"]) for name in ("Name", "Type", "Params", "Mode")]
    NetworkTable.summarize(columns, 308_625_000, 1000, 1234.5, {}, 0)
    assert "308,625,000 weights, 1,000 of them trained, 1,234.50 MB" in capsys.readouterr().out
