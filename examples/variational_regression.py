"""Linear regression by variational Bayes: evidence bound and approximate posterior.

    python -m examples.variational_regression

The data are twenty points of a cubic with known noise. The weights of powers 0 to 5 have an unknown
precision. Writes docs/images/variational_regression.png; takes seconds.

Source: Bishop 2006, "Pattern recognition and machine learning", section 10.3.
"""

from itertools import pairwise
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import torch
from matplotlib import pyplot as plt
from torch import Tensor

from hawc.variational import VariationalRegression, posterior, variational_regression

NUM_POINTS, DEGREE, NOISE_STD = 20, 5, 0.3
IMAGE = Path(__file__).parent.parent / "docs" / "images" / "variational_regression.png"


def truth(x: Tensor) -> Tensor:
    """Returns the cubic without noise."""
    return x**3 - x


def powers(x: Tensor) -> Tensor:
    """Returns powers 0 to DEGREE of each number, one row per number."""
    return x[:, None] ** torch.arange(DEGREE + 1)


def data() -> tuple[Tensor, Tensor]:
    """Returns points and noisy values in float64; reproducible."""
    generator = torch.Generator().manual_seed(0)
    x = 3 * torch.rand(NUM_POINTS, generator=generator, dtype=torch.float64) - 1.5
    noise = torch.randn(NUM_POINTS, generator=generator, dtype=torch.float64)
    return x, truth(x) + NOISE_STD * noise


def fitted() -> VariationalRegression:
    """Returns the approximate posterior of the weights and of their precision."""
    x, values = data()
    return variational_regression(
        powers(x), values, noise_precision=NOISE_STD**-2, shape=1.0, rate=1.0
    )


def difference_to_exact(result: VariationalRegression) -> float:
    """Returns the largest difference of a mean to that of the exact posterior at E[alpha]."""
    x, values = data()
    exact = posterior(
        powers(x),
        values,
        noise_precision=NOISE_STD**-2,
        weight_precision=result.precision,
    )
    return float((exact.mean - result.weights.mean).abs().max())


def plot(result: VariationalRegression) -> None:
    """Plots the bound after each update, and the curve with two standard deviations."""
    x, values = data()
    grid = torch.linspace(-1.6, 1.6, 200, dtype=torch.float64)
    mean = powers(grid) @ result.weights.mean
    std = ((powers(grid) @ result.weights.covariance) * powers(grid)).sum(1).sqrt()
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.6))
    left.plot(range(1, len(result.bounds) + 1), result.bounds, "o-")
    left.set(xlabel="update", ylabel="evidence bound, nats")
    right.fill_between(grid, mean - 2 * std, mean + 2 * std, alpha=0.2)
    right.plot(grid, mean, label="mean of q(w)")
    right.plot(grid, truth(grid), "k--", lw=1, label="truth")
    right.plot(x, values, "k.", label="data")
    right.set(xlabel="x", ylim=(-2, 3))
    right.legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(IMAGE, dpi=80)


def main() -> None:
    """Prints bounds, precision and difference to the exact posterior; writes the figure."""
    result = fitted()
    bounds = result.bounds
    rises = [after - before for before, after in pairwise(bounds)]
    print(f"bound {bounds[0]:.4f} to {bounds[-1]:.4f} in {len(bounds)} updates")
    print(f"smallest rise {min(rises):.1e} nats")
    print(f"E[alpha] {result.precision:.4f}")
    print(f"largest difference to the exact posterior there {difference_to_exact(result):.1e}")
    plot(result)


if __name__ == "__main__":
    main()
