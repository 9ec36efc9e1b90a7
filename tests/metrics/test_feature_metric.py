import copy
import pickle

import pytest
import torch
from torch import Tensor, nn
from torchmetrics import MetricCollection

from metrics import (
    PRDC,
    AbstractFeatureMetric,
    ClassCoverage,
    FrechetDistance,
    VendiScore,
    vendi_score,
)
from tests.metrics.sets import TinyNet, every_metric, numbers, real_and_fake

REAL, FAKE = real_and_fake()
KINDS = range(len(every_metric()))


def measured(metric: AbstractFeatureMetric, size: int) -> list[float]:
    for features, real in ((FAKE, False), (REAL, True)):
        for part in features.split(size):
            metric.update(part, real=real)
    return numbers(metric)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [1, 13])
def test_results_do_not_depend_on_the_split_into_batches(kind: int, size: int) -> None:
    whole, parts = (measured(every_metric()[kind], n) for n in (1000, size))
    # sums of float64 in another order; features that are stored are equal to the last bit
    assert parts == pytest.approx(whole, rel=1e-11, abs=1e-13)


@pytest.mark.parametrize("kind", KINDS)
def test_results_do_not_depend_on_which_kind_comes_first_and_empty_batches(kind: int) -> None:
    first, second = every_metric()[kind], every_metric()[kind]
    first.update(REAL[:0], real=True)
    first.update(REAL, real=True)
    first.update(FAKE, real=False)
    assert numbers(first) == measured(second, 1000)


@pytest.mark.parametrize("kind", KINDS)
def test_reset_keeps_real_images_only_with_keep_real(kind: int) -> None:
    kept, forgetful = every_metric(keep_real=True)[kind], every_metric()[kind]
    expected = measured(kept, 20)
    measured(forgetful, 20)
    kept.reset()
    kept.update(FAKE, real=False)
    assert numbers(kept) == pytest.approx(expected, rel=1e-11)  # other sums of float64
    first = numbers(kept)
    kept.reset()
    kept.update(FAKE, real=False)
    assert numbers(kept) == first
    forgetful.reset()
    forgetful.update(FAKE, real=False)
    if not isinstance(forgetful, VendiScore):
        with pytest.raises(ValueError, match="must bring"):
            forgetful.compute()


@pytest.mark.parametrize("kind", KINDS)
def test_copies_and_pickles_of_a_metric_are_equal(kind: int) -> None:
    metric = every_metric()[kind]
    expected = measured(metric, 20)
    assert numbers(metric.clone()) == expected
    assert numbers(pickle.loads(pickle.dumps(metric))) == expected


@pytest.mark.parametrize("kind", KINDS)
def test_compute_before_update_is_refused(kind: int) -> None:
    with (
        pytest.warns(UserWarning, match="before the ``update``"),
        pytest.raises(ValueError, match=r"`update.* must bring .* `compute`, got 0"),
    ):
        every_metric()[kind].compute()


def test_the_metrics_form_a_collection() -> None:
    collection = MetricCollection({type(m).__name__: m for m in every_metric()})
    collection.update(REAL, real=True)
    collection.update(FAKE, real=False)
    names = {"VendiScore", "precision", "recall", "density", "coverage", "novelty", "num_classes"}
    assert names <= collection.compute().keys()


def test_metrics_of_different_networks_form_a_collection_without_groups() -> None:
    metrics = {n: VendiScore(lambda x, n=n: x[:, :n]) for n in (2, 4)}
    collection = MetricCollection({str(n): m for n, m in metrics.items()}, compute_groups=False)
    collection.update(REAL, real=True)
    collection.update(FAKE, real=False)
    for n in metrics:
        assert float(collection.compute()[str(n)]) == float(vendi_score(FAKE[:, :n]))


class Holder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.network = TinyNet()
        self.prdc = PRDC(self.network)
        self.classes = ClassCoverage(4, TinyNet())


def test_the_network_is_not_part_of_a_checkpoint_and_stays_in_its_mode() -> None:
    holder = Holder()
    other = PRDC(TinyNet())
    assert not other.state_dict()
    assert not list(other.parameters())
    assert all(name.startswith("network.") for name in holder.state_dict())
    holder.network.eval()
    holder.prdc.train()
    assert not holder.network.training


def test_the_network_follows_the_device_and_keeps_its_dtype() -> None:
    network, head = TinyNet(), TinyNet()
    prdc, classes = PRDC(network), ClassCoverage(4, head)
    nn.ModuleList([prdc, classes]).to("meta").half()
    assert network.conv.weight.is_meta
    assert head.conv.weight.is_meta
    assert network.conv.weight.dtype == torch.float32


def test_the_network_gets_only_images_that_the_metric_needs() -> None:
    sizes = []

    def network(images: Tensor) -> Tensor:
        sizes.append(len(images))
        return images.flatten(1)

    for metric in (VendiScore(network), PRDC(network)):
        metric.update(torch.rand(3, 1, 2, 2), real=True)
        metric.update(torch.rand(2, 1, 2, 2), real=False)
    assert sizes == [2, 3, 2]


def test_images_and_their_features_give_the_same_value() -> None:
    network = TinyNet().eval()
    generator = torch.Generator().manual_seed(0)
    real, fake = torch.rand(2, 30, 1, 8, 8, generator=generator)
    by_images, by_features = FrechetDistance(4, network), FrechetDistance(4)
    for images, is_real in ((real, True), (fake, False)):
        by_images.update(images, real=is_real)
        by_features.update(network(images).detach(), real=is_real)
    assert torch.equal(by_images.compute(), by_features.compute())


def test_another_number_of_features_is_refused() -> None:
    metric = PRDC()
    metric.update(REAL, real=True)
    with pytest.raises(ValueError, match=r"images must have 4 features.* got 3; call `reset`"):
        metric.update(FAKE[:, :3], real=False)
    metric.reset()
    metric.update(FAKE[:, :3], real=False)


def test_a_deep_copy_has_a_copy_of_the_network() -> None:
    network = TinyNet()
    copied = copy.deepcopy(PRDC(network))
    assert copied.feature_network is not network
    copied.update(torch.rand(2, 1, 8, 8), real=True)


@pytest.mark.parametrize("kind", KINDS)
def test_no_graph_is_kept(kind: int) -> None:
    metric = every_metric()[kind]
    for features, real in ((FAKE, False), (REAL, True)):
        metric.update(2 * features.clone().requires_grad_(), real=real)
    states = [getattr(metric, name) for name in metric._defaults]
    kept = [part for state in states for part in (state if isinstance(state, list) else [state])]
    assert kept
    assert not any(part.requires_grad for part in kept)
