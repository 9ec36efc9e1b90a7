"""Settings of the rivals, each chosen for one generator by the same budget.

Every rival has up to six settings. Each plays `TRIALS` trials of eight images a round on seeds of
their own, and the setting with the largest mean score is kept:

    log Vendi - total variation - repeats (25 %) + precision + recall

The setting of FeatureSampler is the same for all generators.
"""

import math
from collections.abc import Iterable

from benchmarks.rivals.contestants import Contestant
from benchmarks.rivals.trial import Trial

__all__ = ["TRIALS", "score", "tuned"]

TRIALS, N = 4, 8
SEED = 900_000  # the trials of the comparison start at 0


def tuned(contestant: Contestant, trials: Iterable[Trial]) -> str:
    """Returns the description of the best setting.

    Args:
        contestant: with at least one setting.
        trials: on held-out seeds.
    """
    if len(contestant.settings) == 1:
        return next(iter(contestant.settings))
    totals = dict.fromkeys(contestant.settings, 0.0)
    for trial in trials:
        for setting, play in contestant.settings.items():
            totals[setting] += score(trial.generator.judge.values(play(trial, N).features, N))
    return max(totals, key=lambda setting: totals[setting])


def score(values: dict[str, float]) -> float:
    """Returns the sum of metrics by which settings are compared."""
    return (
        math.log(values["Vendi"])
        - values["total variation"]
        - values["repeats (25 %)"]
        + values["precision"]
        + values["recall"]
    )
