"""Block sums under autograd: the gradient of one big sum, one block's memory, clear limits."""

import gc
import weakref

import pytest
import torch
from torch import Tensor

from hawc.summation import sum_over_blocks

ROWS = [slice(0, 2), slice(2, 3), slice(3, 5)]
WHOLE = [slice(0, 5)]


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def rows(block: slice, a: Tensor, b: Tensor) -> Tensor:
    return (a[block] @ b).exp().sum()


@pytest.mark.parametrize("needed", [(True, True), (True, False), (False, True), (False, False)])
def test_value_and_gradient_are_those_of_the_whole(needed: tuple[bool, bool]) -> None:
    a, b = normal(5, 3).requires_grad_(needed[0]), normal(3, 4, seed=1).requires_grad_(needed[1])
    found, expected = sum_over_blocks(rows, ROWS, a, b), sum_over_blocks(rows, WHOLE, a, b)
    # other order of summation
    torch.testing.assert_close(found.detach(), expected.detach(), rtol=1e-14, atol=0)
    assert found.requires_grad == any(needed)
    variables = [tensor for tensor in (a, b) if tensor.requires_grad]
    if variables:
        gradients = torch.autograd.grad(3 * found, variables)
        for gradient, exact in zip(
            gradients, torch.autograd.grad(3 * expected, variables), strict=True
        ):
            torch.testing.assert_close(gradient, exact, rtol=1e-14, atol=0)


def test_computes_no_gradient_where_gradients_are_off() -> None:
    a, b = normal(5, 3).requires_grad_(), normal(3, 4, seed=1)
    with torch.no_grad():
        assert not sum_over_blocks(rows, ROWS, a, b).requires_grad
    with torch.inference_mode():
        assert float(sum_over_blocks(rows, ROWS, a, b)) == float(sum_over_blocks(rows, ROWS, a, b))


@pytest.mark.parametrize("requires_grad", [True, False])
def test_keeps_nothing_of_a_block_but_its_sum(requires_grad: bool) -> None:
    alive: list[weakref.ref[Tensor]] = []

    def watched(block: slice, a: Tensor, b: Tensor) -> Tensor:
        assert all(reference() is None for reference in alive[:-1])
        matrix = (a[block] @ b).exp()  # its own result is what exp keeps for its gradient
        alive.append(weakref.ref(matrix))
        return matrix.sum()

    a, b = normal(5, 3).requires_grad_(requires_grad), normal(3, 4, seed=1)
    gc.disable()  # no cycle may be what keeps memory
    try:
        total = sum_over_blocks(watched, ROWS, a, b)
        assert [reference() for reference in alive] == [None] * 3
    finally:
        gc.enable()
    assert total.requires_grad == requires_grad


def test_refuses_second_derivatives_of_several_blocks() -> None:
    a, b = normal(5, 3).requires_grad_(), normal(3, 4, seed=1)

    def slope(blocks: list[slice]) -> Tensor:
        total = sum_over_blocks(rows, blocks, a, b)
        return torch.autograd.grad(total, a, create_graph=True)[0].sum()

    assert torch.autograd.grad(slope(WHOLE), a)[0].abs().min() > 0
    with pytest.raises(RuntimeError, match="`create_graph` must be False for the gradient of a"):
        slope(ROWS)
