"""Divergences between distributions, one module for each representation.

    discrete        weights on one support
    normals         `hawc.targets.Normal`, closed forms
    densities       log densities on the line, by quadrature
    line            samples on the line, by sorting
    transport       weighted points of R^d: exact optimal transport with its plan and dual
    entropic        the same, smoothed, for large sets
    discriminator   the optimal discriminator of two log densities, and its value

    name                     formula for p and q, with m = (p + q) / 2          at most
    total_variation          1/2 int |p - q| = sup_A |p(A) - q(A)|              1
    kl                       KL(p || q) = int p log(p / q)                      infinity
    reverse_kl               KL(q || p)                                         infinity
    jensen_shannon           1/2 KL(p || m) + 1/2 KL(q || m)                    log 2
    jensen_shannon_sum       KL(p || m) + KL(q || m), twice that                2 log 2
    wasserstein_1            min E |X - Y| over couplings of X ~ p and Y ~ q    none
    squared_energy_distance  E |X - Y| - 1/2 E |X - X'| - 1/2 E |Y - Y'|        none

Each module has those of the seven that its representation allows. KL is infinite, not an error,
where p has mass and q has none.

Both conventions of Jensen-Shannon are in use, so both have a name here. Goodfellow et al. 2014,
arXiv 1406.2661, have the halves; so do Arjovsky et al. 2017, arXiv 1701.07875, whose bound is
log 2. Lecture notes often omit them. The squared energy distance is half of Szekely's.
"""

from hawc.divergences import (
    densities,
    discrete,
    discriminator,
    entropic,
    line,
    normals,
    transport,
)

__all__ = [
    "densities",
    "discrete",
    "discriminator",
    "entropic",
    "line",
    "normals",
    "transport",
]
