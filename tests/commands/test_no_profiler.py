"""A training asks the profiler, and this one answers with nothing."""

from pathlib import Path

from lightning import seed_everything
from lightning.pytorch.profilers import SimpleProfiler

from commands.no_profiler import NoProfiler
from tests.helpers import TinyImages, quiet_trainer, same_weights, tiny_wgan, weights


def test_a_training_is_the_same_without(tmp_path: Path) -> None:
    trained = []
    for profiler in (NoProfiler(), SimpleProfiler()):
        seed_everything(0)
        model = tiny_wgan()
        quiet_trainer(tmp_path, max_epochs=1, profiler=profiler).fit(
            model, TinyImages(batch_size=16)
        )
        trained.append(weights(model))
    assert same_weights(*trained)
    assert profiler.recorded_durations  # Lightning does ask


def test_contexts_may_be_nested() -> None:
    profiler = NoProfiler()
    with profiler.profile("outer"), profiler.profile("inner"):
        pass
    with profiler.profile("again"):
        pass
