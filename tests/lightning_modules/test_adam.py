"""Adam as a default that the command line can write down."""

import torch
from jsonargparse import ArgumentParser
from lightning.pytorch.cli import OptimizerCallable

from lightning_modules.adam import AdamWithBetas


def test_steps_are_adams() -> None:
    start = torch.randn(5, generator=torch.Generator().manual_seed(0))
    ours, theirs = (start.clone().requires_grad_() for _ in range(2))
    optimizers = (
        AdamWithBetas([ours], lr=0.1, beta1=0.3, beta2=0.8, weight_decay=0.5),
        torch.optim.Adam([theirs], lr=0.1, betas=(0.3, 0.8), weight_decay=0.5),
    )
    for weight, optimizer in zip((ours, theirs), optimizers, strict=True):
        for _ in range(3):
            optimizer.zero_grad()
            weight.pow(4).sum().backward()
            optimizer.step()
    assert torch.equal(ours, theirs)
    assert not torch.equal(ours, start)


class Model:
    """Has such a default, as models do."""

    def __init__(
        self,
        optimizer: OptimizerCallable = lambda p: AdamWithBetas(p, lr=2e-4, beta1=0.0, beta2=0.9),
    ) -> None:
        self.optimizer = optimizer([torch.zeros(2, requires_grad=True)])


def test_a_default_is_written_down_and_read_back() -> None:
    parser = ArgumentParser(exit_on_error=False)
    parser.add_class_arguments(Model, "model")
    written = parser.dump(parser.parse_args([]))
    assert "class_path: lightning_modules.adam.AdamWithBetas" in written
    model = parser.instantiate(parser.parse_string(written)).model
    assert model.optimizer.defaults["betas"] == (0.0, 0.9)
    assert model.optimizer.defaults["lr"] == 2e-4
