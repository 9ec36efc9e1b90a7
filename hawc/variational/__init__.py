"""Mean-field approximations: products of simple distributions, with exact answers.

mean_field          the product of normals closest to a normal distribution, in either KL
linear_regression   weights and their precision, by coordinate ascent on the evidence bound
"""

from hawc.variational.linear_regression import (
    VariationalRegression,
    posterior,
    variational_regression,
)
from hawc.variational.mean_field import forward_mean_field, reverse_mean_field

__all__ = [
    "VariationalRegression",
    "forward_mean_field",
    "posterior",
    "reverse_mean_field",
    "variational_regression",
]
