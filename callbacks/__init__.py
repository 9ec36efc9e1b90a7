"""The callbacks: one file each, named like its class; importing this makes short names known."""

from callbacks.epoch_timer import EpochTimer
from callbacks.history_aware_sampling import HistoryAwareSampling
from callbacks.interpolation import Interpolation
from callbacks.latent_map import LatentMap
from callbacks.latent_statistics import LatentStatistics
from callbacks.loss_curves import LossCurves
from callbacks.reconstructions import Reconstructions
from callbacks.translations import Translations

__all__ = [
    "EpochTimer",
    "HistoryAwareSampling",
    "Interpolation",
    "LatentMap",
    "LatentStatistics",
    "LossCurves",
    "Reconstructions",
    "Translations",
]
