"""Training of a feature network: learning rate, standardised features, file and record."""

import json
import sys
from pathlib import Path

import pytest
import torch

from benchmarks import train_feature_network
from benchmarks.train_feature_network import (
    Recipe,
    accuracy,
    learning_rate_share,
    main,
    standardize,
)
from datamodules import MNIST5k
from networks.feature_classifier import untrained_classifier
from networks.trained_weights import load_classifier


def test_learning_rate_rises_and_falls_once() -> None:
    shares = [learning_rate_share(step / 100) for step in range(101)]
    assert max(shares) == shares[20] == 1
    assert shares[0] == 0
    assert shares[100] == pytest.approx(0, abs=1e-15)  # rounding of the cosine
    assert shares[:21] == sorted(shares[:21])
    assert shares[20:] == sorted(shares[20:], reverse=True)


def test_features_are_standardized() -> None:
    torch.manual_seed(0)
    network = untrained_classifier("digits", "choosing").eval()
    images = torch.randint(256, (50, 1, 28, 28), dtype=torch.uint8)
    standardize(network, images)
    with torch.no_grad():
        values = network.features(images / 255)
    # rounding, divided by small deviations
    assert torch.allclose(values.mean(0), torch.zeros(96), atol=1e-3)
    assert torch.allclose(values.std(0), torch.ones(96), atol=1e-3)


def test_a_constant_unit_is_refused() -> None:
    network = untrained_classifier("digits", "choosing").eval()
    norm = network.body[-2]
    torch.nn.init.zeros_(norm.weight[:1])
    images = torch.randint(256, (20, 1, 28, 28), dtype=torch.uint8)
    with pytest.raises(RuntimeError, match="of the last hidden layer is constant; take another"):
        standardize(network, images)


def test_a_short_training_is_written_recorded_and_better_than_chance(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train_feature_network, "MNIST", MNIST5k)
    monkeypatch.setitem(train_feature_network.RECIPES, "digits", Recipe(1, 0.1, 0.0))
    options = ["--data", "mnist", "--role", "choosing", "--folder", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", ["train_feature_network", *options])
    threads = torch.get_num_threads()
    try:
        main()
    finally:
        torch.set_num_threads(threads)
    record = json.loads((tmp_path / "digits-choosing.json").read_text())
    assert record["data"] == "MNIST5k, 4500 training images"
    network = load_classifier("digits", "choosing", tmp_path)
    share = accuracy(network, *MNIST5k().read(train=False))
    assert record["test_accuracy"] == pytest.approx(share, abs=1e-4)  # written with four digits
    assert share > 0.5
