"""Samples above the examples nearest to them, and their distances in the W&B table."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
import wandb
from lightning.pytorch.loggers import WandbLogger
from torch import Tensor, nn

from callbacks.base.nearest_examples import log_nearest_examples
from tests.callbacks.runs import image_names, read_image


class TableLogger(WandbLogger):
    """Records tables instead of starting a run."""

    def __init__(self) -> None:
        self.tables: list[Any] = []

    def log_table(self, key: str, columns: Any = None, data: Any = None, **_: Any) -> None:
        self.tables.append((key, columns, data))

    def log_image(self, key: str, images: Any, **_: Any) -> None:
        pass


def logged_rows(
    folder: Path, generated: Tensor, real: Tensor, features: nn.Module | None = None
) -> Any:
    logger = TableLogger()
    trainer: Any = SimpleNamespace(
        current_epoch=3, default_root_dir=folder, loggers=[logger], callbacks=[]
    )
    log_nearest_examples(trainer, torch.eye(2), generated, real, features, torch.device("cpu"))
    ((key, columns, rows),) = logger.tables
    assert key == "samples/table"
    return [dict(zip(columns, row, strict=True)) for row in rows]


@pytest.fixture
def pairs() -> tuple[Tensor, Tensor]:
    """Two samples, and three examples of which the last and the first are nearest in pixels."""
    generated = torch.zeros(2, 1, 2, 2)
    generated[1] = 1.0
    return generated, torch.tensor([0.75, 0.5, 0.25]).view(3, 1, 1, 1).expand(3, 1, 2, 2)


def test_samples_are_above_their_nearest_examples(
    tmp_path: Path, pairs: tuple[Tensor, Tensor]
) -> None:
    rows = logged_rows(tmp_path, *pairs)
    assert image_names(tmp_path) == {"epoch-0004-nearest"}
    pixels = read_image(tmp_path / "images" / "epoch-0004-nearest.png")[0]
    # images of 2 x 2 with lines of one pixel around
    corners = [int(pixels[y, x]) for y in (1, 4) for x in (1, 4)]
    assert corners == [0, 255, 64, 191]
    assert [row["novelty"] for row in rows] == pytest.approx([0.5, 0.5])  # 2 * 0.25
    assert [row["latent"] for row in rows] == [[1.0, 0.0], [0.0, 1.0]]
    assert [row["epoch"] for row in rows] == [4, 4]
    for row in rows:
        assert isinstance(row["sample"], wandb.Image)
        assert isinstance(row["nearest training example"], wandb.Image)


def test_distances_are_taken_in_features(tmp_path: Path, pairs: tuple[Tensor, Tensor]) -> None:
    class Corner(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            return 8 * images[:, 0, 0, :1]

    rows = logged_rows(tmp_path, *pairs, Corner())
    assert [row["novelty"] for row in rows] == pytest.approx([2.0, 2.0])


def test_rows_of_a_table_are_listed(tmp_path: Path) -> None:
    generated, real = torch.tensor([[0.0, 1.0], [2.0, 0.0]]), torch.tensor([[2.0, 0.5], [0.0, 0.0]])
    rows = logged_rows(tmp_path, generated, real)
    assert [row["sample"] for row in rows] == generated.tolist()
    assert [row["nearest training example"] for row in rows] == [[0.0, 0.0], [2.0, 0.5]]
    assert [row["novelty"] for row in rows] == pytest.approx([1.0, 0.5])
    assert not image_names(tmp_path)
