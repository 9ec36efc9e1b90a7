import pytest
import torch
from scipy import stats

from hawc.divergences import transport
from metrics import Wasserstein1
from tests.metrics.sets import real_and_fake


def measured(real: torch.Tensor, fake: torch.Tensor) -> float:
    metric = Wasserstein1()
    metric.update(real, real=True)
    metric.update(fake, real=False)
    return float(metric.compute())


def test_on_the_line_it_equals_scipys() -> None:
    real, fake = real_and_fake(50, 40, 1)
    expected = stats.wasserstein_distance(real[:, 0].numpy(), fake[:, 0].numpy())
    assert measured(real, fake) == pytest.approx(expected, abs=1e-6)  # features are float32


def test_the_distance_of_a_shifted_set_is_the_shift() -> None:
    real, _ = real_and_fake(30, 10, 2)
    assert measured(real, real + torch.tensor([0.3, 0.4])) == pytest.approx(0.5, abs=1e-6)
    assert measured(real, real.flip(0)) == pytest.approx(0, abs=1e-8)


def test_too_many_images_without_pot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "_has_pot", lambda: False)
    with pytest.raises(ValueError, match="at most 90,000 entries where POT is not installed"):
        measured(torch.zeros(301, 1), torch.zeros(301, 1))
