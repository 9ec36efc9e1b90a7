"""All toy distributions: points from a seed, splits, refusals, modes as labels."""

from typing import Any

import pytest
import torch

from datamodules import DataError, Gaussians25, SwissRoll
from datamodules.in_memory import Split


def splits(**arguments: Any) -> dict[str, Split]:
    data = Gaussians25(**{"num_points": 500, **arguments})
    return data.load(train=True) | data.load(train=False)


def test_splits_have_their_sizes_and_types() -> None:
    sizes = {name: len(points) for name, (points, _) in splits(num_points=500).items()}
    assert sizes == {"train": 450, "val": 50, "test": 50}
    for points, labels in splits().values():
        assert (points.dtype, labels.dtype) == (torch.float32, torch.int64)
        assert points.shape == (len(labels), *Gaussians25().image_shape)


def test_points_depend_on_the_seed_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    first = splits()
    torch.manual_seed(99)
    monkeypatch.setenv("PL_GLOBAL_SEED", "99")
    again, other = splits(), splits(seed=1)
    for name, (points, labels) in first.items():
        assert torch.equal(points, again[name][0])
        assert torch.equal(labels, again[name][1])
        assert not torch.equal(points, other[name][0])


def test_test_points_differ_from_those_of_training() -> None:
    points = {name: points for name, (points, _) in splits().items()}
    train = torch.cat((points["train"], points["val"]))
    assert torch.cdist(train, points["test"]).min() > 0


def test_labels_are_numbers_of_modes_and_points_lie_around_them() -> None:
    data = Gaussians25(num_points=20_000, num_validation=0)
    points, labels = data.load(train=True)["train"]
    away = (points - data.modes[labels]) / data.mode_std
    # 40,000 standard normal numbers: five standard errors
    assert away.mean().abs() < 5 / 40_000**0.5
    assert abs(away.std() - 1) < 5 / 80_000**0.5
    # 800 per mode expected, standard deviation 27.7
    assert (labels.bincount(minlength=25) - 800).abs().max() < 5 * 27.7


def test_batches_are_served_without_a_file() -> None:
    data = SwissRoll(batch_size=64, num_points=200)
    data.prepare_data()
    data.setup("fit")
    assert [points.shape for points, _ in data.train_dataloader()] == [(64, 2)] * 2


def test_batch_larger_than_the_table() -> None:
    data = SwissRoll(batch_size=64, num_points=20)
    with pytest.raises(DataError, match="at most 18, the number of training points of SwissRoll"):
        data.setup("fit")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_points": 0}, "`num_points` must be at least 1, got 0"),
        ({"seed": -1}, "`seed` must be at least 0, got -1"),
        ({"batch_size": 0}, "`batch_size` must be at least 1, got 0"),
    ],
)
def test_wrong_arguments(arguments: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SwissRoll(**arguments)
