"""Sums over blocks that need the memory of one block, with or without a gradient."""

from collections.abc import Callable, Iterable
from typing import Any, cast, final

import torch
from jaxtyping import Float
from torch import Tensor

__all__ = ["sum_over_blocks"]


def sum_over_blocks(
    part: Callable[..., Float[Tensor, ""]], blocks: Iterable[slice], *arguments: Tensor
) -> Float[Tensor, ""]:
    """Returns sum_b part(b, *arguments), differentiable in the arguments.

    Autograd would keep the intermediate results of all blocks until the backward pass. Here the
    gradient of each block is computed at once and its intermediate results are freed. So several
    blocks have no second derivatives.

    Args:
        part: a function of one block and the arguments. Only the arguments get a gradient.
        blocks: at least one.
        arguments: tensors.

    Raises:
        RuntimeError: in the backward pass over several blocks with create_graph=True.
    """
    blocks = list(blocks)
    if len(blocks) == 1:
        return part(blocks[0], *arguments)
    if torch.is_grad_enabled() and any(argument.requires_grad for argument in arguments):
        return cast(Tensor, _SumOverBlocks.apply(part, blocks, *arguments))
    with torch.no_grad():
        total = part(blocks[0], *arguments)
        for block in blocks[1:]:
            total += part(block, *arguments)
    return total


@final
class _SumOverBlocks(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, part: Callable[..., Tensor], blocks: list[slice], *arguments: Tensor
    ) -> Any:
        needed = ctx.needs_input_grad[2:]
        leaves = [a.detach().requires_grad_(n) for a, n in zip(arguments, needed, strict=True)]
        variables = [leaf for leaf in leaves if leaf.requires_grad]
        gradients = [torch.zeros_like(variable) for variable in variables]
        total: Tensor | None = None
        for block in blocks:
            with torch.enable_grad():
                value = part(block, *leaves)
            shares = torch.autograd.grad(value, variables)
            for gradient, share in zip(gradients, shares, strict=True):
                gradient += share
            # a list of small results, each next to a freed block, would keep glibc (2.36) from
            # reusing the memory of the blocks: gigabytes in long sums
            if total is None:
                total = torch.zeros_like(value.detach())
            total += value.detach()
        ctx.save_for_backward(*gradients)
        ctx.needed = needed
        return total

    @staticmethod
    def backward(ctx: Any, outer: Tensor) -> Any:
        if torch.is_grad_enabled():
            raise RuntimeError(
                "`create_graph` must be False for the gradient of a sum over several blocks, got "
                "True; take second derivatives of fewer points, which fit in one block."
            )
        saved = iter(ctx.saved_tensors)
        return (None, None, *(outer * next(saved) if needed else None for needed in ctx.needed))
