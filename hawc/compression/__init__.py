"""History-aware compression (HAW-C): the problem, two solvers, and `compress`, which is all of it.

With Kp points y drawn before and T = Kp + K the total's squared distance to the target mu is
(K / T)^2 d^2(delta_X, eta), eta = (T mu - Kp delta_Y) / K, a signed measure of mass one. Without
the terms that X does not enter this is K^2 / T^2 times

    f(X) = (T/K) mean_k m(x_k) - (1/K^2) sum_kj h(x_k, y_j) - (1/(2 K^2)) sum_kl h(x_k, x_l),

m being the target's potential. The distribution attracts, old and new points repel alike.

Source: G. Turinici 2022, "Algorithms that get old: the case of generative deep neural networks",
LOD 2022, arXiv 2202.03008. There eta is printed with 1/T in place of 1/K, which makes the objective
unbounded below as soon as Kp (K - 1) > K; the weights here are the ones that give mass one.
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
