"""Trains a feature network; writes its weights and training record.

    python -m benchmarks.train_feature_network --data mnist --role judging [--data_dir DIR]

Trains by stochastic gradient descent with Nesterov momentum and one cycle of the learning rate.
Images are shifted, mirrored (CIFAR-10) or rotated and scaled (MNIST); a quarter is blurred and a
quarter noisy, like generated images. Weights are stored as float16, vectors as float32. The
accuracy in the record is that of the stored network. On one thread of a busy machine MNIST takes
some four minutes of processor time, CIFAR-10 ten. Writes networks/weights/<data>-<role>.pt and
.json.
"""

import argparse
import datetime
import json
import math
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import final

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import torch
from torch import Tensor
from torch.nn import functional

from benchmarks.augmentation import augmented
from datamodules import CIFAR10, MNIST, FashionMNIST
from datamodules.in_memory import AbstractInMemoryImages
from networks.feature_classifier import Data, FeatureClassifier, Role, untrained_classifier
from networks.trained_weights import WEIGHTS, load_classifier, write_classifier

BATCH, MOMENTUM, WEIGHT_DECAY = 250, 0.9, 5e-4
RISE = 0.2  # share of the steps in which the learning rate rises
DATA: dict[str, Data] = {"mnist": "digits", "fashion_mnist": "clothes", "cifar10": "objects"}
SEEDS: dict[Role, int] = {"choosing": 1, "judging": 2}


@final
@dataclass(frozen=True)
class Recipe:
    """Hyperparameters of the training on one kind of image.

    Args:
        epochs: passes over the training images.
        learning_rate: its largest value.
        label_smoothing: probability spread over all classes.
    """

    epochs: int
    learning_rate: float
    label_smoothing: float


# labels of gray images are not smoothed: the confidence of the judge is read as a probability
RECIPES: dict[Data, Recipe] = {
    "digits": Recipe(8, 0.1, 0.0),
    "clothes": Recipe(8, 0.1, 0.0),
    "objects": Recipe(8, 0.1, 0.1),
}


def learning_rate_share(progress: float) -> float:
    """Returns the relative learning rate at `progress` in [0, 1]."""
    if progress < RISE:
        return progress / RISE
    return 0.5 + 0.5 * math.cos(math.pi * (progress - RISE) / (1 - RISE))


def train(
    network: FeatureClassifier, images: Tensor, labels: Tensor, recipe: Recipe, seed: int
) -> None:
    """Trains a network in place, and prints the loss of each epoch."""
    generator = torch.Generator().manual_seed(seed)
    network.train().to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(
        network.parameters(), 0.1, MOMENTUM, weight_decay=WEIGHT_DECAY, nesterov=True
    )
    steps = len(images) // BATCH
    for epoch in range(recipe.epochs):
        total = 0.0
        order = torch.randperm(len(images), generator=generator)
        for step in range(steps):
            progress = (epoch + (step + 1) / steps) / recipe.epochs
            rate = recipe.learning_rate * learning_rate_share(progress)
            optimizer.param_groups[0]["lr"] = rate
            chosen = order[step * BATCH : (step + 1) * BATCH]
            batch = augmented(images[chosen].float() / 255, generator)
            with torch.autocast("cpu", torch.bfloat16):
                logits = network(batch.contiguous(memory_format=torch.channels_last))
            loss = functional.cross_entropy(
                logits.float(), labels[chosen], label_smoothing=recipe.label_smoothing
            )
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += float(loss.detach())
        print(f"epoch {epoch}: {total / steps:.4f}, {time.process_time():.0f} s", flush=True)
    network.eval()


@torch.no_grad()
def standardize(network: FeatureClassifier, images: Tensor) -> None:
    """Sets the network's mean and deviation of features over the training images."""
    hidden = torch.cat(
        [network.hidden(batch.float() / 255) for batch in images.split(1000)]
    ).double()
    network.feature_mean.copy_(hidden.mean(0))
    network.feature_std.copy_(hidden.std(0))
    if float(network.feature_std.min()) < 1e-3 * float(network.feature_std.max()):
        raise RuntimeError("a unit of the last hidden layer is constant; take another seed.")


@torch.no_grad()
def accuracy(network: FeatureClassifier, images: Tensor, labels: Tensor) -> float:
    """Returns the share of correctly classified images."""
    classes = torch.cat([network(batch.float() / 255).argmax(1) for batch in images.split(1000)])
    return float((classes == labels).float().mean())


def trained(data: Data, role: Role, images: Tensor, labels: Tensor) -> FeatureClassifier:
    """Returns a network trained on all images of a training set."""
    torch.manual_seed(SEEDS[role])
    network = untrained_classifier(data, role)
    pixels = images.float() / 255
    network.pixel_mean.copy_(pixels.mean((0, 2, 3))[:, None, None])
    network.pixel_std.copy_(pixels.std((0, 2, 3))[:, None, None])
    train(network, images, labels, RECIPES[data], SEEDS[role])
    standardize(network, images)
    return network


def main() -> None:
    """Trains and writes one network, then records the accuracy of the stored weights."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", choices=DATA, required=True)
    parser.add_argument("--role", choices=SEEDS, required=True)
    parser.add_argument("--data_dir")
    parser.add_argument("--folder", type=Path, default=WEIGHTS)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    sources = {"mnist": MNIST, "fashion_mnist": FashionMNIST, "cifar10": CIFAR10}
    source: AbstractInMemoryImages = sources[arguments.data](data_dir=arguments.data_dir)
    source.prepare_data()
    data, role = DATA[arguments.data], arguments.role
    images, labels = source.read(train=True)
    network = trained(data, role, images, labels)
    seconds = round(time.process_time())
    digest = write_classifier(network, arguments.folder / f"{data}-{role}.pt")
    record = {
        "sha256": digest,
        "data": f"{type(source).__name__}, {len(images)} training images",
        "role": role,
        "seed": SEEDS[role],
        **vars(RECIPES[data]),
        "batch_size": BATCH,
        "weight_decay": WEIGHT_DECAY,
        "processor_seconds": seconds,
        "torch": torch.__version__,
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
    }
    path = arguments.folder / f"{data}-{role}.json"
    path.write_text(json.dumps(record, indent=2) + "\n")
    stored = load_classifier(data, role, arguments.folder)
    record["test_accuracy"] = round(accuracy(stored, *source.read(train=False)), 4)
    path.write_text(json.dumps(record, indent=2) + "\n")
    print(json.dumps(record, indent=2))


if __name__ == "__main__":
    main()
