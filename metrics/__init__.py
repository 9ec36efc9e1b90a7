"""Metrics of generated images: torchmetrics classes over features, one file each.

Every metric has `update(images, real)` and `compute()`; none imports a network. A new one inherits
`AbstractFeatureMetric`, or `AbstractStoredFeatures` if it needs all features at once.
"""

from metrics.binned_divergences import BinnedDivergences
from metrics.class_coverage import ClassCoverage, Classifier, class_entropy, total_variation
from metrics.feature_metric import AbstractFeatureMetric, AbstractStoredFeatures
from metrics.features import FeatureNetwork, extract_features
from metrics.frechet_distance import FrechetDistance, squared_frechet_distance
from metrics.gray_to_rgb import GrayToRGB
from metrics.neighbours import nearest, nearest_earlier
from metrics.novelty import Novelty
from metrics.prdc import PRDC, precision_recall_density_coverage
from metrics.repeat_rate import RepeatRate, repeat_rate, repeat_threshold
from metrics.squared_energy_distance import SquaredEnergyDistance, squared_energy_distance
from metrics.vendi_score import VendiScore, vendi_score
from metrics.wasserstein1 import Wasserstein1

__all__ = [
    "PRDC",
    "AbstractFeatureMetric",
    "AbstractStoredFeatures",
    "BinnedDivergences",
    "ClassCoverage",
    "Classifier",
    "FeatureNetwork",
    "FrechetDistance",
    "GrayToRGB",
    "Novelty",
    "RepeatRate",
    "SquaredEnergyDistance",
    "VendiScore",
    "Wasserstein1",
    "class_entropy",
    "extract_features",
    "nearest",
    "nearest_earlier",
    "precision_recall_density_coverage",
    "repeat_rate",
    "repeat_threshold",
    "squared_energy_distance",
    "squared_frechet_distance",
    "total_variation",
    "vendi_score",
]
