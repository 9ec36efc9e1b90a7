"""The callbacks, one file each; an import makes their short names known to YAML."""

from callbacks.channels_last import ChannelsLast
from callbacks.compiled_networks import CompiledNetworks
from callbacks.covered_modes import CoveredModes
from callbacks.critic_slopes import CriticSlopes
from callbacks.epoch_completion import EpochCompletion
from callbacks.epoch_timer import EpochTimer
from callbacks.generation_quality import GenerationQuality
from callbacks.generator_ema import GeneratorEMA
from callbacks.gradient_norms import GradientNorms
from callbacks.history_aware_sampling import HistoryAwareSampling
from callbacks.interpolation import Interpolation
from callbacks.latent_map import LatentMap
from callbacks.latent_statistics import LatentStatistics
from callbacks.loss_curves import LossCurves
from callbacks.loss_swings import LossSwings
from callbacks.mode_collapse import ModeCollapse
from callbacks.preemption import Preemption
from callbacks.reconstructions import Reconstructions
from callbacks.translations import Translations
from callbacks.validation_distances import ValidationDistances

__all__ = [
    "ChannelsLast",
    "CompiledNetworks",
    "CoveredModes",
    "CriticSlopes",
    "EpochCompletion",
    "EpochTimer",
    "GenerationQuality",
    "GeneratorEMA",
    "GradientNorms",
    "HistoryAwareSampling",
    "Interpolation",
    "LatentMap",
    "LatentStatistics",
    "LossCurves",
    "LossSwings",
    "ModeCollapse",
    "Preemption",
    "Reconstructions",
    "Translations",
    "ValidationDistances",
]
