"""Ways to draw points that are remembered: with regard to the past, or as baselines without."""

from hawc.samplers.abstract import AbstractSampler
from hawc.samplers.history_aware import HistoryAwareSampler
from hawc.samplers.independent import IndependentSampler
from hawc.samplers.sobol import SobolSampler

__all__ = ["AbstractSampler", "HistoryAwareSampler", "IndependentSampler", "SobolSampler"]
