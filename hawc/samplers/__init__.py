"""Samplers that record their points, with or without regard to the history."""

from hawc.samplers.abstract import AbstractSampler
from hawc.samplers.feature import FeatureSampler
from hawc.samplers.features import Features
from hawc.samplers.history_aware import HistoryAwareSampler
from hawc.samplers.independent import IndependentSampler
from hawc.samplers.latents_with_features import LatentsWithFeatures
from hawc.samplers.sobol import SobolSampler

__all__ = [
    "AbstractSampler",
    "FeatureSampler",
    "Features",
    "HistoryAwareSampler",
    "IndependentSampler",
    "LatentsWithFeatures",
    "SobolSampler",
]
