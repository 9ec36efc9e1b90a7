"""Target distributions, with samples, the exact potential and the self energy.

The potential of a distribution mu is x -> E h(x - Z) with Z ~ mu, its self energy 1/2 E h(Z - Z').
Together they give the squared distance of any point set to mu without sampling
(``hawc.distances``).
"""

from hawc.targets.abstract import AbstractTarget, Potential, PotentialAndGradient
from hawc.targets.elliptical_form import EllipticalForm, normal_lengths, student_t_lengths
from hawc.targets.empirical import Empirical
from hawc.targets.gaussian_mixture import GaussianMixture
from hawc.targets.normal import Normal
from hawc.targets.standard_normal import StandardNormal
from hawc.targets.student_t import StudentT
from hawc.targets.uniform_cube import UniformCube

__all__ = [
    "AbstractTarget",
    "EllipticalForm",
    "Empirical",
    "GaussianMixture",
    "Normal",
    "Potential",
    "PotentialAndGradient",
    "StandardNormal",
    "StudentT",
    "UniformCube",
    "normal_lengths",
    "student_t_lengths",
]
