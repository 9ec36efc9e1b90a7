"""Other methods to choose K points for N(0, I_d), for comparison.

    python -m benchmarks.baselines

prints squared distance and seconds of each at a few (d, K). All functions have one signature,
`baseline(dim, size, history, generator) -> (size, dim)` in float64. The docstring says if a method
ignores the history. Kernel thinning needs a package that is no dependency of this project and is
compiled on installation (a C compiler, half a minute):

    uv pip install --no-deps goodpoints==0.6.3
"""

import argparse
import os
import time
from collections.abc import Callable

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import numpy as np
import torch
from scipy.optimize import minimize
from torch import Tensor

from hawc import MemoryHistory, SobolSampler, StandardNormal
from hawc.distances import squared_distance_to
from hawc.kernels import HuberEnergy

Baseline = Callable[[int, int, Tensor, torch.Generator], Tensor]

KERNEL = HuberEnergy()
NUM_SAMPLES = 10_000  # minimum of CRAN's package support, used by sp_seq and sp
MAX_SWEEPS = 200  # default of that package
STEP_TOLERANCE = 1e-5  # of a coordinate; smaller ones do not change the distance's fourth digit
WIDTHS = np.array([0.25, 1.0, 4.0, 16.0])  # of kernel thinning's kernels
NUM_CANDIDATES = 2_000
ROUNDING = 1e-5  # of a squared distance in float32; keeps a point from pulling itself to NaN


def iid(dim: int, size: int, history: Tensor, generator: torch.Generator) -> Tensor:
    """Returns independent samples; ignores the history."""
    del history
    return torch.randn(size, dim, generator=generator, dtype=torch.float64)


def sobol(dim: int, size: int, history: Tensor, generator: torch.Generator) -> Tensor:
    """Returns the scrambled Sobol sequence by the inverse distribution function.

    The length of the history is the position in the sequence; its points are ignored. The
    generator's initial seed is that of the scrambling.
    """
    past = MemoryHistory(dim)
    if len(history):
        past.append(history, expected_length=0)
    sampler = SobolSampler(StandardNormal(dim), history=past, seed=generator.initial_seed())
    return sampler.sample(size, generator=generator).double()


def support_points(
    dim: int, size: int, history: Tensor, generator: torch.Generator, *, resample: bool = False
) -> Tensor:
    """Returns support points of a history by the convex-concave fixed point.

    For samples z_1..z_B of the target and T points in all, p being the history and the new
    points x together,

        x_k <- (sum_m z_m / |x_k - z_m| + (B/T) sum_{p != x_k} (x_k - p) / |x_k - p|)
               / sum_m 1 / |x_k - z_m|.

    Sweeps run in float32: a third of the time, and the same distance within the spread of seeds.
    With `resample` each sweep takes new samples.

    Source: S. Mak and V. R. Joseph 2018, "Support points", Annals of Statistics 46:2562; with a
    history, the objective of sp_seq in CRAN's package support.
    """
    samples = torch.randn(NUM_SAMPLES, dim, generator=generator, dtype=torch.float32)
    x = torch.randn(size, dim, generator=generator, dtype=torch.float32)
    past, scale = history.float(), NUM_SAMPLES / (len(history) + size)
    for sweep in range(MAX_SWEEPS):
        if resample and sweep > 0:
            samples = torch.randn(NUM_SAMPLES, dim, generator=generator, dtype=torch.float32)
        attraction, inverse_distances = _inverse_distance_sums(x, samples)
        neighbours, repulsions = _inverse_distance_sums(x, torch.cat([past, x]))
        repulsion = repulsions[:, None] * x - neighbours
        moved = (attraction + scale * repulsion) / inverse_distances[:, None]
        step = float((moved - x).abs().max())
        x = moved
        if step < STEP_TOLERANCE:
            break
    return x.double()


def resampled_support_points(
    dim: int, size: int, history: Tensor, generator: torch.Generator
) -> Tensor:
    """Returns support points with new samples in each sweep.

    They are better in the plane and slower in 64 dimensions.
    """
    return support_points(dim, size, history, generator, resample=True)


def _inverse_distance_sums(x: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
    """Returns sum_m z_m / |x_k - z_m| and sum_m 1 / |x_k - z_m|."""
    squares = x.square().sum(1)[:, None] + z.square().sum(1) - 2 * (x @ z.T)
    weights = squares.clamp_(min=ROUNDING).rsqrt_()
    return weights @ z, weights.sum(1)


def kernel_herding(dim: int, size: int, history: Tensor, generator: torch.Generator) -> Tensor:
    """Returns points chosen greedily, each the best one beside all earlier points.

    A point starts from the best of many samples. L-BFGS minimises the exact objective

        T m(x) - sum_j h(x, y_j),

    where T is the number of points with the new one and m the potential.

    Source: Y. Chen, M. Welling, A. Smola 2010, "Super-samples from kernel herding", UAI 2010.
    """
    potential = StandardNormal(dim).potential(KERNEL)
    candidates = torch.randn(NUM_CANDIDATES, dim, generator=generator, dtype=torch.float64)
    attraction = potential(candidates)
    repulsion = KERNEL(candidates, history).sum(1)
    chosen = history
    for total in range(len(history) + 1, len(history) + size + 1):
        best = candidates[(total * attraction - repulsion).argmin()]
        point = _polished(best, chosen, total, potential)
        repulsion += KERNEL(candidates, point[None])[:, 0]
        chosen = torch.cat([chosen, point[None]])
    return chosen[len(history) :]


def _polished(
    start: Tensor, others: Tensor, total: int, potential: Callable[[Tensor], Tensor]
) -> Tensor:
    def value_and_gradient(flat: np.ndarray) -> tuple[float, np.ndarray]:
        x = torch.from_numpy(flat)[None].requires_grad_()
        value = potential(x).sum() - KERNEL(x, others).sum() / total
        (gradient,) = torch.autograd.grad(value, x)
        return float(value.detach()), gradient[0].numpy()

    options = {"maxiter": 50, "gtol": 1e-6}
    result = minimize(
        value_and_gradient, start.numpy(), jac=True, method="L-BFGS-B", options=options
    )
    return torch.from_numpy(result.x)


def kernel_thinning(dim: int, size: int, history: Tensor, generator: torch.Generator) -> Tensor:
    """Returns size^2 samples thinned by Compress++ with Gaussian kernels, g = 4.

    The kernel is the sum of exp(-|x - y|^2 / (w d)) over four widths w. At K = 64 it is as good as
    the best single width for d = 16 and 64 (within 1 %) and better for d = 2 (by 13 %). `size` must
    be a power of two. It ignores the history; no published variant uses one.

    Source: A. Shetty, R. Dwivedi, L. Mackey 2022, "Distribution compression in near-linear time",
    ICLR 2022, by their package goodpoints.
    """
    from goodpoints import compress  # optional, see the module's docstring

    del history
    samples = torch.randn(size * size, dim, generator=generator, dtype=torch.float64).numpy()
    index = compress.compresspp_kt(
        samples,
        b"gaussian",
        k_params=dim * WIDTHS,
        g=4,
        seed=generator.initial_seed(),
    )
    return torch.from_numpy(samples[index])


BASELINES: tuple[Baseline, ...] = (
    iid,
    sobol,
    kernel_thinning,
    kernel_herding,
    support_points,
    resampled_support_points,
)


def measure(baseline: Baseline, dim: int, size: int, seeds: int) -> tuple[float, float]:
    """Returns mean squared distance to N(0, I) and seconds of a call, over seeds."""
    distance, seconds = 0.0, 0.0
    nothing = torch.empty(0, dim, dtype=torch.float64)
    for seed in range(seeds):
        start = time.perf_counter()
        points = baseline(dim, size, nothing, torch.Generator().manual_seed(seed))
        seconds += time.perf_counter() - start
        distance += float(squared_distance_to(KERNEL, points, StandardNormal(dim)))
    return distance / seeds, seconds / seeds


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    seeds = parser.parse_args().seeds
    print("| d, K | baseline | squared distance | seconds |\n|---|---|---|---|")
    for dim, size in ((2, 64), (16, 64), (64, 64)):
        for baseline in BASELINES:
            distance, seconds = measure(baseline, dim, size, seeds)
            print(f"| {dim}, {size} | {baseline.__name__} | {distance:.3e} | {seconds:.2f} |")
