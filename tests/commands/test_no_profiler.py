"""Nothing is measured, however contexts are entered."""

from lightning.pytorch.profilers import PassThroughProfiler, Profiler

from commands.no_profiler import NoProfiler


def test_contexts_may_be_nested_and_entered_again() -> None:
    profiler = NoProfiler()
    with profiler.profile("outer"), profiler.profile("inner"):
        pass
    with profiler.profile("again"):
        pass


def test_it_takes_the_place_of_lightning_s() -> None:
    assert isinstance(NoProfiler(), PassThroughProfiler)
    assert NoProfiler.profile is not Profiler.profile
    assert PassThroughProfiler.profile is Profiler.profile  # else this class is needless
