import numpy as np
import pytest
import torch
from sklearn.neighbors import NearestNeighbors

from metrics import RepeatRate, repeat_rate, repeat_threshold
from tests.metrics.sets import real_and_fake

LINE = torch.tensor([0.0, 10.0, 1.0, 10.5, 30.0, 0.4])[:, None]


@pytest.mark.parametrize(
    ("threshold", "repeats"), [(0.3, 0), (0.45, 1), (0.5, 1), (0.51, 2), (1.1, 3), (100.0, 5)]
)
def test_repeats_are_nearer_than_the_threshold_to_earlier_ones(
    threshold: float, repeats: int
) -> None:
    assert float(repeat_rate(LINE, threshold)) == pytest.approx(repeats / 6)


def test_the_rate_depends_on_the_order() -> None:
    points = torch.tensor([0.0, 2.0, 1.0])[:, None]
    assert float(repeat_rate(points, 1.5)) == pytest.approx(1 / 3)
    assert float(repeat_rate(points[[0, 2, 1]], 1.5)) == pytest.approx(2 / 3)


def test_the_threshold_is_a_percentile_of_distances_between_data() -> None:
    real, _ = real_and_fake(200, 10, 6)
    fitted = NearestNeighbors().fit(real.double().numpy())
    distances = fitted.kneighbors(n_neighbors=1)[0][:, 0]
    for percentile in (1.0, 5.0, 50.0, 100.0):
        expected = np.percentile(distances, percentile)
        assert repeat_threshold(real, percentile) == pytest.approx(expected, rel=1e-10)


def test_the_rate_of_the_data_is_about_half_the_percentile() -> None:
    real, _ = real_and_fake(1000, 10, 6)
    rate = float(repeat_rate(real, repeat_threshold(real, 20.0)))
    assert rate == pytest.approx(0.1, abs=0.03)  # three standard deviations of a share of 1000


def test_the_default_threshold_is_that_of_the_data() -> None:
    real, fake = real_and_fake()
    default, explicit = RepeatRate(), RepeatRate(threshold=repeat_threshold(real))
    for metric in (default, explicit):
        metric.update(fake, real=False)
        metric.update(real, real=True)
    assert float(default.compute()) == float(explicit.compute()) >= 3 / 70
    assert not explicit.real_features


def test_a_copy_is_a_repeat_under_any_threshold() -> None:
    fake = real_and_fake(5, 10, 2048)[1]
    assert float(repeat_rate(torch.cat([fake, fake]), 1e-30)) == 0.5


@pytest.mark.parametrize("threshold", [0.0, -1.0, float("inf"), float("nan")])
def test_thresholds_that_are_not_positive_and_finite_are_refused(threshold: float) -> None:
    with pytest.raises(ValueError, match=f"`threshold` must be > 0 .* got {threshold}; `metrics."):
        RepeatRate(threshold=threshold)


@pytest.mark.parametrize("percentile", [-1.0, 100.1])
def test_percentiles_out_of_range_are_refused(percentile: float) -> None:
    with pytest.raises(ValueError, match=f"`percentile` must be from 0 to 100, got {percentile}"):
        repeat_threshold(LINE, percentile)


def test_data_with_copies_give_no_threshold() -> None:
    with pytest.raises(ValueError, match=r"different images, got 2 of 7 with a copy; give each"):
        repeat_threshold(torch.cat([LINE, LINE[:1]]))
    assert repeat_threshold(torch.cat([LINE, LINE[:1]]), 50.0) > 0


def test_one_real_image_gives_no_threshold() -> None:
    metric = RepeatRate()
    metric.update(LINE, real=False)
    metric.update(LINE[:1], real=True)
    with pytest.raises(ValueError, match=r"real=True\)` must bring at least 2 .* got 1"):
        metric.compute()
