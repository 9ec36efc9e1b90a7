"""Generators of the comparison: candidates of typical lengths, and refusals."""

import sys
from pathlib import Path

import pytest
import torch

from benchmarks.rivals.__main__ import main
from benchmarks.rivals.generators import NAMES, ImageGenerator, _class_judge, load
from benchmarks.rivals.judge import Judge, clusters
from hawc import StandardNormal
from networks import ClothesFeatures, DigitFeatures, ObjectFeatures
from networks.trained_features import AbstractTrainedFeatures

ROOT = Path(__file__).parents[3]


def test_every_trained_generator_has_a_configuration() -> None:
    for name in NAMES[:5]:
        assert (ROOT / "configs" / f"{name}.yaml").is_file()


def test_without_a_run_the_command_that_makes_one_is_named(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"train.py --config configs/vae_mnist.yaml` first"):
        load("vae_mnist", tmp_path, tmp_path)


def test_too_few_repetitions_are_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["rivals", "style", "--repetitions", "1"])
    with pytest.raises(SystemExit):
        main()
    assert "--repetitions must be at least 2" in capsys.readouterr().err


def same(x: torch.Tensor) -> torch.Tensor:
    return x


@pytest.mark.parametrize("pooled", [False, True])
def test_candidates_depend_on_the_seed_alone(pooled: bool) -> None:
    prior = StandardNormal(64)
    reference = prior.sample(50, generator=torch.Generator().manual_seed(0))
    pool = prior.sample(300, generator=torch.Generator().manual_seed(1)) if pooled else None
    judge = Judge(reference, clusters(reference))
    owner = ImageGenerator("x", prior, same, same, same, None, None, None, judge, "", pool)
    assert owner.is_differentiable == (not pooled)
    first = owner.candidates(100, 7)
    assert torch.equal(first, owner.candidates(100, 7))
    assert not torch.equal(first, owner.candidates(100, 8))
    if pool is not None:
        assert all((row == pool).all(1).any() for row in first)
        assert len(first.unique(dim=0)) == 100
        with pytest.raises(ValueError, match="`count` must be at most 300"):
            owner.candidates(301, 7)
    else:
        assert float(first.norm(dim=1).min()) > 5.5
        assert float(first.norm(dim=1).max()) < 10.5


@pytest.mark.parametrize("network", [DigitFeatures, ClothesFeatures, ObjectFeatures])
def test_the_judge_counts_the_classes_of_its_network(
    network: type[AbstractTrainedFeatures],
) -> None:
    judging = network("judging")
    images = torch.rand(40, *network.shape, generator=torch.Generator().manual_seed(0)) ** 4
    images = images * torch.linspace(0, 1, 40)[:, None, None, None]
    with torch.no_grad():
        features, classes = judging(images), judging.classify(images).argmax(1)
    assert len(classes.unique()) > 1
    values = _class_judge(judging, images).values(features[20:], 8)
    shares = [
        classes[rows].bincount(minlength=10) / n
        for rows, n in ((slice(20, 40), 20), (slice(40), 40))
    ]
    assert values["classes"] == len(classes[20:28].unique())
    assert values["total variation"] == pytest.approx(
        float((shares[0] - shares[1]).abs().sum() / 2)
    )
