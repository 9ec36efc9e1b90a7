"""From latents to features by a caller's decoder and feature net, which stay as they are."""

import functools
import inspect
from collections.abc import Callable
from contextlib import AbstractContextManager
from itertools import chain
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hawc.blocks import ITEMS_AT_ONCE
from hawc.kernels import full_precision
from hawc.module_state import fixed_noise, in_eval_mode

__all__ = ["DecodedFeatures", "Stage"]

Stage = Callable[[Tensor], Tensor]
Pullback = Callable[[Float[Tensor, "n f"]], Float[Tensor, "n d"]]


@final
class DecodedFeatures:
    """The function phi(z) = features(decode(z)) and what pulls gradients back through it.

    Behind either stage there may be an nn.Module: the stage itself, the object it is a method of,
    or that of a functools.partial. It is given tensors on its device, in its precision; whole
    numbers stay such, since only the net knows what they stand for. Others are given what comes,
    latents on their own device. Autocast is off on every device.

    Random numbers that a stage takes from torch's global generators start anew at each call, so
    that phi is a function of z; the generators' states are put back.

    Args:
        decode: latents (n, d) to pictures.
        features: pictures to (n, f).
        num_features: f.
        seed: of those random numbers, at least 0.
    """

    def __init__(self, decode: Stage, features: Stage, num_features: int, seed: int) -> None:
        self._stages = [(stage, _module_behind(stage)) for stage in (decode, features)]
        self._num_features = num_features
        self._seed = seed

    def evaluating(self) -> AbstractContextManager[None]:
        """Returns a context in which all modules are in eval mode; each part's mode is put back."""
        return in_eval_mode(*(module for _, module in self._stages if module is not None))

    @torch.no_grad()
    def __call__(self, z: Float[Tensor, "n d"]) -> Float[Tensor, "n f"]:
        """Returns phi(z) on the device of z, in blocks.

        Raises:
            ValueError: if a stage returns something else, or numbers that are not finite.
        """
        return torch.cat(
            [self._checked(self._evaluated(part), part) for part in torch.split(z, ITEMS_AT_ONCE)]
        )

    def value_and_pullback(self, z: Float[Tensor, "n d"]) -> tuple[Float[Tensor, "n f"], Pullback]:
        """Returns phi(z), and the function that takes gradients in phi to gradients in z.

        No gradient is left in a weight.

        Raises:
            ValueError: if the stages pass no gradient on.
        """
        leaf = z.detach().clone().requires_grad_()
        try:
            value = self._evaluated(leaf)
        except RuntimeError as error:  # such as numpy()'s, asked of a tensor with a gradient
            raise _no_gradient(str(error)) from error

        def pullback(upstream: Float[Tensor, "n f"]) -> Float[Tensor, "n d"]:
            if not value.requires_grad:
                raise _no_gradient("what they return has none")
            (gradient,) = torch.autograd.grad(
                value, leaf, upstream.to(value.dtype), allow_unused=True
            )
            if gradient is None:
                raise _no_gradient("what they return does not depend on the latents")
            return gradient

        return value.detach(), pullback

    def check_differentiable(self, z: Float[Tensor, "n d"], generator: torch.Generator) -> None:
        """Raises ValueError unless a random combination of features has a finite gradient."""
        value, pullback = self.value_and_pullback(z)
        noise = torch.randn(value.shape, generator=generator, device=generator.device)
        gradient = pullback(noise.to(value.device))
        if not gradient.isfinite().all():
            raise _no_gradient("it is NaN or infinite")
        if not gradient.any():
            raise _no_gradient("it is zero everywhere")

    def _evaluated(self, z: Float[Tensor, "n d"]) -> Float[Tensor, "n f"]:
        x = z
        for stage, module in self._stages:
            like = None if module is None else _example(module)
            if like is not None:
                x = x.to(like) if x.is_floating_point() else x.to(like.device)
            # half precision would choose others
            exact = torch.autocast(x.device.type, enabled=False)
            with fixed_noise(x.device, self._seed), exact:
                x = stage(x)
        return full_precision(x).to(z.device)

    def _checked(self, value: Float[Tensor, "n f"], z: Tensor) -> Float[Tensor, "n f"]:
        expected = (len(z), self._num_features)
        if value.shape != expected:
            raise ValueError(
                f"`features` must return shape {expected} for {len(z)} pictures and `data` of "
                f"dimension {self._num_features}, got {tuple(value.shape)}; make `data` of the "
                "features of real pictures by the same net."
            )
        if not value.isfinite().all():
            raise ValueError(
                "`features` must be finite for what `decode` makes of draws of the latent law, got "
                "NaN or infinite values; look for them in the pictures first."
            )
        return value


def _no_gradient(reason: str) -> ValueError:
    return ValueError(
        "`decode` and `features` must pass finite gradients on to the latents, got none "
        f"({reason.rstrip('.')}); num_steps=0 chooses among candidates without gradients."
    )


def _module_behind(stage: Stage) -> nn.Module | None:
    while isinstance(stage, functools.partial):
        stage = stage.func
    owner = stage.__self__ if inspect.ismethod(stage) else stage
    return owner if isinstance(owner, nn.Module) else None


def _example(module: nn.Module) -> Tensor | None:
    """Returns the first floating-point parameter or buffer, which tells device and precision."""
    tensors = chain(module.parameters(), module.buffers())
    return next((tensor for tensor in tensors if tensor.is_floating_point()), None)
