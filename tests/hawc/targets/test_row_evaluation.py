"""Evaluation in blocks: same values and gradients, with the memory of one block."""

import pytest
import torch
from torch import Tensor

import hawc.blocks
from hawc.targets.row_evaluation import in_row_blocks


def wave(x: Tensor) -> Tensor:
    return x.sin().sum(1)


@pytest.mark.parametrize("rows", [0, 1, 5])
@pytest.mark.parametrize("block_entries", [1, 4, 2**22])
def test_blocks_give_the_function_and_its_gradient(
    rows: int, block_entries: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hawc.blocks, "_BLOCK_ENTRIES", block_entries)
    x = torch.randn(rows, 3, generator=torch.Generator().manual_seed(0)).requires_grad_()
    computed = in_row_blocks(wave, x, 2)
    torch.testing.assert_close(computed, wave(x), rtol=1e-15, atol=0)
    (gradient,) = torch.autograd.grad(computed.sum(), x)
    torch.testing.assert_close(gradient, x.detach().cos(), rtol=1e-15, atol=0)


def test_intermediate_results_are_kept_for_one_block_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hawc.blocks, "_BLOCK_ENTRIES", 10)
    kept = []

    def remember(tensor: Tensor) -> Tensor:
        kept.append(tensor.numel())
        return tensor

    x = torch.ones(100, 1, requires_grad=True)
    with torch.autograd.graph.saved_tensors_hooks(remember, lambda tensor: tensor):
        values = in_row_blocks(lambda rows: rows.expand(-1, 50).exp().sum(1), x, 1)
    assert sum(kept) < 50 * 10  # all blocks: 50 * 100
    values.sum().backward()
    torch.testing.assert_close(x.grad, torch.full((100, 1), 50 * torch.e))
