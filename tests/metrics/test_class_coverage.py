import math

import numpy as np
import pytest
import torch
from scipy.stats import entropy
from torch import Tensor, nn

from metrics import ClassCoverage, class_entropy, total_variation
from tests.metrics.sets import TinyNet, real_and_fake


def one_hot(*classes: int) -> Tensor:
    return torch.eye(4)[list(classes)] * 3


def measured(real: Tensor, fake: Tensor) -> tuple[float, ...]:
    metric = ClassCoverage(4)
    metric.update(real, real=True)
    metric.update(fake, real=False)
    return tuple(float(value) for value in metric.compute().values())


def test_classes_are_counted() -> None:
    values = measured(one_hot(0, 1, 2, 3), one_hot(2, 2, 2, 0))
    assert values == (2, pytest.approx(math.log(4) - 0.75 * math.log(3)), 0.5)


def test_the_data_themselves_cover_all() -> None:
    assert measured(one_hot(0, 1, 2, 3), one_hot(3, 2, 1, 0, 0, 1, 2, 3)) == (
        4,
        pytest.approx(math.log(4)),
        0,
    )


def test_disjoint_classes_have_total_variation_1() -> None:
    assert measured(one_hot(0, 1), one_hot(3)) == (1, 0, 1)


def test_values_are_those_of_scipy() -> None:
    generator = torch.Generator().manual_seed(0)
    counts, others = torch.randint(0, 50, (2, 10), generator=generator)
    assert float(class_entropy(counts)) == pytest.approx(entropy(counts.numpy()), rel=1e-12)
    share, other = (c.numpy() / c.numpy().sum() for c in (counts, others))
    expected = np.maximum(share - other, 0).sum()
    assert float(total_variation(counts, others)) == pytest.approx(expected, rel=1e-12)


def test_images_go_through_classify() -> None:
    class Logits(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            raise AssertionError("only classify may be called")

        def classify(self, images: Tensor) -> Tensor:
            return one_hot(0, 3, 3)

    metric = ClassCoverage(4, Logits())
    metric.update(torch.rand(3, 1, 8, 8), real=True)
    metric.update(torch.rand(3, 1, 8, 8), real=False)
    assert int(metric.compute()["num_classes"]) == 2


def test_a_network_without_classify_is_refused() -> None:
    with pytest.raises(TypeError, match=r"`classifier` must have a method `classify`.*Identity"):
        ClassCoverage(4, nn.Identity())
    ClassCoverage(4, TinyNet())


def test_another_number_of_classes_is_refused() -> None:
    with pytest.raises(ValueError, match=r"`num_classes` must be the number .* is 4, got 10"):
        ClassCoverage(10).update(real_and_fake()[0], real=True)
    with pytest.raises(ValueError, match="`num_classes` must be at least 1, got 0"):
        ClassCoverage(0)


def test_both_kinds_are_needed() -> None:
    metric = ClassCoverage(4)
    metric.update(one_hot(1, 2, 3), real=False)
    with pytest.raises(ValueError, match=r"bring real and generated .* got 0 and 3\."):
        metric.compute()
