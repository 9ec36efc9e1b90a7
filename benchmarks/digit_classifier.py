"""A judge of digits: a convolutional classifier trained on MNIST's training digits."""

import torch
from torch import nn
from torch.nn import functional

from datamodules import MNIST
from networks import TutorialConvEncoder

__all__ = ["trained_classifier"]

EPOCHS = 3


def trained_classifier(data_dir: str | None) -> tuple[nn.Module, float]:
    """Returns a classifier of MNIST digits and its accuracy on the test digits."""
    torch.manual_seed(0)
    data = MNIST(batch_size=128, data_dir=data_dir, num_validation=0)
    data.prepare_data()
    data.setup("fit")
    data.setup("test")
    classifier = TutorialConvEncoder((1, 28, 28), 10)
    optimizer = torch.optim.Adam(classifier.parameters())
    for _ in range(EPOCHS):
        for images, labels in data.train_dataloader():
            optimizer.zero_grad()
            functional.cross_entropy(classifier(images), labels).backward()
            optimizer.step()
    with torch.no_grad():
        right = [classifier(x).argmax(1) == y for x, y in data.test_dataloader()]
    return classifier.eval(), float(torch.cat(right).float().mean())
