"""Targets are the same by name and parameters, and by numbers up to rounding."""

import pytest
import torch

from hawc.history import DatabaseHistory, MemoryHistory
from hawc.history.identity import current_form, num_features_in, shown
from hawc.samplers import Features, LatentsWithFeatures
from hawc.targets import AbstractTarget, Empirical, Normal, StandardNormal

PLANE = StandardNormal(2)
FEATURES = torch.randn(50, 300, generator=torch.Generator().manual_seed(0)) * 40 + 100


def rows(features: torch.Tensor, prior: AbstractTarget = PLANE) -> LatentsWithFeatures:
    return LatentsWithFeatures(prior, Empirical(features))


@pytest.mark.parametrize("columns", [3, 300])
@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e9])
def test_features_that_were_rounded_differently_open(url: str, columns: int, scale: float) -> None:
    features = FEATURES[:, :columns] * scale
    noise = torch.randn(features.shape, generator=torch.Generator().manual_seed(1))
    again = rows(features * (1 + 1e-6 * noise))
    assert repr(again) != repr(rows(features))
    history = DatabaseHistory(url, rows(features), create=True)
    history.append(torch.ones(1, columns + 2), expected_length=0)
    assert len(DatabaseHistory(url, again)) == 1
    opened = DatabaseHistory(url)
    opened.bind(again)
    assert opened.target == repr(again)


@pytest.mark.parametrize("columns", [3, 300])
def test_other_features_are_refused_in_plain_words(url: str, columns: int) -> None:
    features = FEATURES[:, :columns]
    DatabaseHistory(url, rows(features), create=True)
    other = torch.randn(50, columns, generator=torch.Generator().manual_seed(2)) * 40 + 100
    message = (
        rf"must have the numbers of LatentsWithFeatures\(prior=StandardNormal\(dim=2\), "
        rf"data=Empirical\(50 points, dim={columns}\)\), .* others: other data, or features of ano"
    )
    for wrong in (other, features * 1.01, features.flip(0), features + 1):
        with pytest.raises(ValueError, match="`target` " + message) as error:
            DatabaseHistory(url, rows(wrong))
        assert "sha256" not in str(error.value)
        with pytest.raises(ValueError, match="`history` must have the numbers of") as error:
            DatabaseHistory(url).bind(rows(wrong))
        assert "sha256" not in str(error.value)
    with pytest.raises(ValueError, match=r"`target` must be .*, with which gallery 'default' at"):
        DatabaseHistory(url, rows(features[:40]))


def test_a_prior_of_other_numbers_is_refused(url: str) -> None:
    """Its digest has no fingerprint, and equal features say nothing of it."""
    first, second = (Normal(torch.full((9,), mean), 1.0) for mean in (0.0, 1.0))
    DatabaseHistory(url, rows(FEATURES, first), create=True)
    with pytest.raises(ValueError, match="`target` must have the numbers of"):
        DatabaseHistory(url, rows(FEATURES, second))


def test_a_name_stands_for_the_numbers(url: str) -> None:
    named = [Empirical(points, name="digits 3") for points in (FEATURES, FEATURES + 1)]
    DatabaseHistory(url, named[0], create=True)
    DatabaseHistory(url, named[1])
    with pytest.raises(ValueError, match="`target` must be Empirical"):
        DatabaseHistory(url, Empirical(FEATURES, name="digits 4"))
    with pytest.raises(ValueError, match="`target` must be Empirical"):
        DatabaseHistory(url, Empirical(FEATURES))


def test_features_of_another_name_are_refused(url: str) -> None:
    DatabaseHistory(url, Features(3, "dinov2"), create=True)
    for other in (Features(3, "clip"), Features(3), Features(4, "dinov2")):
        with pytest.raises(ValueError, match=r"`target` must be Features\(dim=3, name='dinov2'\)"):
            DatabaseHistory(url, other)
    latents = LatentsWithFeatures(PLANE, Features(3, "clip"))
    with pytest.raises(ValueError, match="`history` must hold points of dimension 5"):
        DatabaseHistory(url).bind(latents)


def test_a_history_in_memory_refuses_another_number_of_features() -> None:
    history = MemoryHistory()
    history.bind(LatentsWithFeatures(PLANE, Features(3)))
    with pytest.raises(ValueError, match="`history` must hold rows with 2 features for Latents"):
        history.bind(LatentsWithFeatures(StandardNormal(3), Features(2)))


def test_names_of_the_first_wave_are_read() -> None:
    items = "items='40 of Digits sha256=ab'"
    data = f"SeenItems(former='a b', {items}, dim=3)"
    old = f"LatentsWithFeatures(former=StandardNormal(dim=2), data={data})"
    assert current_form(old) == (
        "LatentsWithFeatures(prior=StandardNormal(dim=2), data=RealFeatures(network='a b', "
        "examples='40 of Digits sha256=ab', dim=3))"
    )
    assert num_features_in(old) == 3
    assert num_features_in(repr(rows(FEATURES))) == 300
    assert num_features_in(repr(PLANE)) == 0
    assert current_form(repr(rows(FEATURES))) == repr(rows(FEATURES))


def test_digests_are_not_shown() -> None:
    assert shown(repr(Empirical(FEATURES))) == "Empirical(50 points, dim=300)"
    assert shown(repr(Normal(torch.zeros(9), 1.0))) == "Normal(mean=<9>, covariance=1.0)"
