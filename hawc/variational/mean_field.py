"""The product of normal distributions closest to a normal distribution.

For q = q_1 ... q_d, p = N(m, S) and L = S^-1:

    min KL(q || p):  q_j = N(m_j, 1 / L_jj)     too narrow if coordinates are correlated
    min KL(p || q):  q_j = N(m_j, S_jj)         the marginals

The first solves the mean-field equations log q_j = E log p, with the mean over the other factors.
The second matches moments; the marginals are the best of all products.

Source: Bishop 2006, "Pattern recognition and machine learning", section 10.1.2.
"""

import torch

from hawc.targets import Normal

__all__ = ["forward_mean_field", "reverse_mean_field"]


def reverse_mean_field(distribution: Normal) -> Normal:
    """Returns the product q that minimizes KL(q || distribution).

    Its variances are 1 / L_jj, at most S_jj.

    Raises:
        ValueError: if the covariance is singular.
    """
    covariance = distribution.covariance
    if not bool(torch.linalg.eigvalsh(covariance)[0] > 0):
        raise ValueError(
            f"`distribution` must have a regular covariance, got {covariance.tolist()}, which has "
            "no inverse; remove coordinates that others determine."
        )
    return Normal(distribution.mean, torch.linalg.inv(covariance).diagonal().reciprocal().diag())


def forward_mean_field(distribution: Normal) -> Normal:
    """Returns the product q that minimizes KL(distribution || q), with variances S_jj."""
    return Normal(distribution.mean, distribution.covariance.diagonal().diag())
