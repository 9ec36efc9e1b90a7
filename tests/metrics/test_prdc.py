import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from jaxtyping import Float
from sklearn.metrics import pairwise_distances
from torch import Tensor

from metrics import PRDC, precision_recall_density_coverage
from tests.metrics.sets import real_and_fake

ROOT = Path(__file__).parent.parent.parent


def by_definition(
    real: Float[Tensor, "n f"], fake: Float[Tensor, "m f"], k: int
) -> dict[str, float]:
    """Returns the four metrics by the formulas of the papers, with matrices of scikit-learn."""
    x, y = real.double().numpy(), fake.double().numpy()
    ball_of_real = np.sort(pairwise_distances(x), axis=1)[:, k]
    ball_of_fake = np.sort(pairwise_distances(y), axis=1)[:, k]
    between = pairwise_distances(x, y)
    return {
        "precision": np.mean([(between[:, j] < ball_of_real).any() for j in range(len(y))]),
        "recall": np.mean([(between[i] < ball_of_fake).any() for i in range(len(x))]),
        "density": sum((between[:, j] < ball_of_real).sum() for j in range(len(y))) / k / len(y),
        "coverage": np.mean([(between[i] < ball_of_real[i]).any() for i in range(len(x))]),
    }


@pytest.mark.parametrize("k", [1, 3, 20])
@pytest.mark.parametrize("num_features", [2, 16])
def test_values_are_those_of_the_definition(k: int, num_features: int) -> None:
    real, fake = real_and_fake(150, 110, num_features)
    values = precision_recall_density_coverage(real, fake, k)
    assert {n: float(v) for n, v in values.items()} == pytest.approx(
        by_definition(real, fake, k), abs=1e-12
    )


def measured(real: Tensor, fake: Tensor, k: int = 5) -> list[float]:
    metric = PRDC(num_neighbours=k)
    metric.update(fake, real=False)
    metric.update(real, real=True)
    values = metric.compute()
    return [float(values[name]) for name in ("precision", "recall", "density", "coverage")]


def test_equal_sets_score_one() -> None:
    real, _ = real_and_fake(100, 10, 8)
    assert measured(real, real.flip(0)) == [1, 1, 1, 1]


def test_sets_far_apart_score_zero() -> None:
    real, fake = real_and_fake()
    assert measured(real, fake + 1e3) == [0, 0, 0, 0]


def test_a_collapsed_model_is_precise_and_recalls_nothing() -> None:
    """With the roles of real and generated images swapped the values would be 0 and 1."""
    real = torch.arange(100.0)[:, None].repeat(1, 3)
    # only the ball of image 50 counts: those of its neighbours end there, those of copies are empty
    assert measured(real, real[50:51].repeat(40, 1), k=2) == [1, 0, 0.5, 0.01]


def test_a_nearly_collapsed_model_covers_what_is_near() -> None:
    real = torch.arange(100.0)[:, None].repeat(1, 3)
    noise = 1e-3 * torch.randn(40, 3, generator=torch.Generator().manual_seed(0))
    # half of the noisy images are nearer to image 49, half to 51
    assert measured(real, real[50:51] + noise, k=2) == [1, 0.01, 1, 0.03]


def test_one_odd_generated_image_costs_precision_alone() -> None:
    real, _ = real_and_fake(100, 10, 3)
    precision, recall, _, coverage = measured(real, torch.cat([real, real[:1] + 100]))
    assert precision == pytest.approx(100 / 101)
    assert (recall, coverage) == (1, 1)


def test_huge_features_of_one_image_do_not_change_the_others() -> None:
    real, fake = real_and_fake(150, 110, 4)
    fake[5] = 1e8
    values = precision_recall_density_coverage(real, fake, 3)
    expected = by_definition(real, fake, 3)
    assert {n: float(v) for n, v in values.items()} == pytest.approx(expected, abs=1e-12)
    assert expected["precision"] < 1


def test_one_odd_real_image_costs_recall_alone() -> None:
    fake, _ = real_and_fake(100, 10, 3)
    precision, recall, _, coverage = measured(torch.cat([fake, fake[:1] + 100]), fake)
    assert recall == pytest.approx(100 / 101)
    assert (precision, coverage) == (1, 1)  # the ball of the odd image contains all others


@pytest.mark.parametrize(("num_real", "num_fake"), [(5, 50), (50, 5)])
def test_too_few_images_are_refused(num_real: int, num_fake: int) -> None:
    with pytest.raises(
        ValueError, match=rf"`num_neighbours` must .* got 5 for {num_real} and {num_fake}; give"
    ):
        measured(torch.rand(num_real, 2), torch.rand(num_fake, 2))


def test_less_than_one_neighbour_is_refused() -> None:
    with pytest.raises(ValueError, match="`num_neighbours` must be at least 1, got 0"):
        PRDC(num_neighbours=0)


_MEASURE_PEAK = """
import resource, torch
from metrics import precision_recall_density_coverage
generator = torch.Generator().manual_seed(0)
real, fake = torch.randn(2, 10_000, 64, generator=generator)
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
before = peak()
values = precision_recall_density_coverage(real, fake)
assert 0.4 < values["coverage"] <= 1
print(peak() - before)
"""


@pytest.mark.slow
def test_ten_thousand_against_ten_thousand_need_little_memory() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _MEASURE_PEAK],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=200,
    )
    assert int(done.stdout) < 200e6  # one matrix of distances alone would be 800 MB
