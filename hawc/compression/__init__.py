"""History-aware compression (HAW-C): new points that complement a history.

Let y be the Kp points of the history, x the K new points and T = Kp + K. The squared distance of
all T points to the target mu is

    (K / T)^2 d^2(delta_X, eta),     eta = (T mu - Kp delta_Y) / K,

where eta is a signed measure of mass one. Without the terms that do not depend on X this is
K^2 / T^2 times

    f(X) = (T/K) mean_k m(x_k) - (1/K^2) sum_kj h(x_k, y_j) - (1/(2 K^2)) sum_kl h(x_k, x_l).

Here m is the target's potential. The target attracts the new points; they repel each other, and the
points of the history repel them.

Source: G. Turinici 2022, "Algorithms that get old: the case of generative deep neural networks",
LOD 2022, arXiv 2202.03008. There eta is printed with 1/T in place of 1/K. The objective would then
be unbounded below for Kp (K - 1) > K; the weights here give mass one.
"""

from hawc.compression.compress import compress
from hawc.compression.deterministic import Deterministic
from hawc.compression.problem import CompressionProblem, Weights
from hawc.compression.solver import AbstractSolver, Compression
from hawc.compression.stochastic import Stochastic
from hawc.compression.typical import Typical

__all__ = [
    "AbstractSolver",
    "Compression",
    "CompressionProblem",
    "Deterministic",
    "Stochastic",
    "Typical",
    "Weights",
    "compress",
]
