"""The map from latents to features, through any decoder and any feature network."""

import functools
import inspect
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from itertools import chain
from typing import Any, final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hawc.blocks import ROWS_AT_ONCE
from hawc.module_state import fixed_noise, in_eval_mode
from hawc.points import as_real

__all__ = ["DecodedFeatures", "MissingGradientError", "Stage"]

Stage = Callable[[Any], Any]
"""Any callable: a function, a method, an object, a module. See `DecodedFeatures`."""

Pullback = Callable[[Float[Tensor, "n f"]], Float[Tensor, "n d"]]

# Relative to the distance between two images: rounding in half precision reaches 0.01, visible
# noise is above 0.1.
_ROUNDING = 0.02
# Relative to the length of the features, which may be far from the origin: rounding in float32.
_PRECISION = 1e-5
_MAX_REPEATED, _REPEATED_OF = 8, 32  # candidates decoded twice: two and one in 32, at most eight


@final
class MissingGradientError(ValueError):
    """Latents cannot be moved by gradients through `decode` and `features`."""


@final
class DecodedFeatures:
    """The function phi(z) = features(decode(z)), with gradients.

    Either stage may be any callable. `decode` is given a copy of the latents, in torch's default
    dtype and on the latents' device. `features` is given the unchanged output of `decode`. Code
    that works in place therefore changes neither latents nor anything remembered. Only the output
    of `features` has a required form: real numbers (n, f), a tensor or an array.

    A stage may be an `nn.Module`, a bound method of one, or a `functools.partial` of these. Its
    input tensors are then moved to the module's device and converted to its precision. Tensors of
    whole numbers keep their type, since only the network knows their range. Autocast is off on
    every device in use.

    Each call restarts torch's global random generators from `seed` and restores them afterwards.

    Args:
        decode: latents (n, d) to images.
        features: images to features (n, f).
        num_features: f.
        seed: of the global generators during a call, at least 0.
    """

    def __init__(self, decode: Stage, features: Stage, num_features: int, seed: int) -> None:
        stages = {"decode": decode, "features": features}
        self._stages = [(name, stage, _module_of(stage)) for name, stage in stages.items()]
        self._num_features = num_features
        self._seed = seed

    def evaluating(self) -> AbstractContextManager[None]:
        """Returns a context with all modules in eval mode; their modes are restored."""
        return in_eval_mode(*(module for *_, module in self._stages if module is not None))

    @torch.no_grad()
    def __call__(self, z: Float[Tensor, "n d"]) -> Float[Tensor, "n f"]:
        """Returns phi(z) on the device of z, computed in blocks.

        Raises:
            ValueError: if the features are not f finite numbers per latent.
        """
        return torch.cat(
            [self._checked(self._evaluated(part), part) for part in torch.split(z, ROWS_AT_ONCE)]
        )

    @torch.no_grad()
    def check_repeatable(self, z: Float[Tensor, "n d"], known: Float[Tensor, "n f"]) -> None:
        """Check that up to eight latents have the same features when computed again.

        Their order, batch and global random numbers differ from those of the first call, as when
        the caller decodes the result.

        Args:
            z: latents.
            known: phi(z).

        Raises:
            ValueError: if the features differ by more than rounding.
        """
        count = min(len(z), _MAX_REPEATED, 2 + len(z) // _REPEATED_OF)
        again = self._checked(self._evaluated(z[:count].flip(0), self._seed + 1), z[:count])
        change = float((again.flip(0) - known[:count]).norm(dim=1).median())
        between = float((known - known.roll(1, 0)).norm(dim=1).median())
        if change > _ROUNDING * between + _PRECISION * float(known[:count].norm(dim=1).median()):
            raise ValueError(
                "`decode` and `features` must give the same result for the same latent in any "
                f"batch, got features that differ by {change:.3g}; two images differ by "
                f"{between:.3g}. Switch noise off (eval mode, eta=0), or seed it by each latent."
            )

    def value_and_pullback(self, z: Float[Tensor, "n d"]) -> tuple[Float[Tensor, "n f"], Pullback]:
        """Returns phi(z) and its pullback, which maps gradients in phi to gradients in z.

        The `grad` of weights is not changed.

        Raises:
            MissingGradientError: by the pullback, if no gradient reaches the latents.
        """
        leaf = z.detach().clone().requires_grad_()
        value = self._evaluated(leaf)

        def pullback(upstream: Float[Tensor, "n f"]) -> Float[Tensor, "n d"]:
            if not value.requires_grad:
                raise _no_gradient("the features have no gradient")
            (gradient,) = torch.autograd.grad(
                value, leaf, upstream.to(value.dtype), allow_unused=True
            )
            if gradient is None:
                raise _no_gradient("the features do not depend on the latents")
            return gradient

        return value.detach(), pullback

    def check_differentiable(self, z: Float[Tensor, "n d"], generator: torch.Generator) -> None:
        """Check that a random combination of the features has a finite gradient.

        Raises:
            MissingGradientError: if it has none, or one that is zero everywhere. Errors of a stage
                that also occur without gradients are raised unchanged.
        """
        noise = torch.randn(
            (len(z), self._num_features), generator=generator, device=generator.device
        )
        try:
            _, pullback = self.value_and_pullback(z)
            gradient = pullback(noise.to(z.device))
        except (MissingGradientError, torch.OutOfMemoryError):
            raise
        except Exception as error:  # such as numpy() of a tensor that requires a gradient
            self(z)
            raise _no_gradient(str(error).partition("\n")[0]) from error
        if not gradient.isfinite().all():
            raise _no_gradient("it is NaN or infinite")
        if not gradient.any():
            raise _no_gradient("it is zero everywhere")

    def _evaluated(self, z: Float[Tensor, "n d"], seed: int | None = None) -> Float[Tensor, "..."]:
        x: Any = z.to(torch.get_default_dtype(), copy=True)
        modules = [module for *_, module in self._stages if module is not None]
        with fixed_noise(self._seed if seed is None else seed), _exact(z, modules):
            for name, stage, module in self._stages:
                x = _called(name, stage, _suited(x, module))
        return _numbers(x).to(z.device)

    def _checked(self, value: Float[Tensor, "..."], z: Tensor) -> Float[Tensor, "n f"]:
        expected = (len(z), self._num_features)
        if value.shape != expected:
            raise ValueError(
                f"`features` must return shape {expected} for {len(z)} images and `data` of "
                f"dimension {self._num_features}, got {tuple(value.shape)}; compute `data` from "
                "real images with the same network."
            )
        if not value.isfinite().all():
            raise ValueError(
                "`features` must be finite for decoded samples of the prior, got NaN or infinite "
                "values; look for them in the images first."
            )
        return value


def _called(name: str, stage: Stage, x: Any) -> Any:
    """Returns the stage's output for x; notes the stage's name on an error."""
    try:
        output = stage(x)
    except Exception as error:
        error.add_note(f"Raised by `{name}`, called with {_described(x)}.")
        raise
    if output is None:
        raise ValueError(f"`{name}` must return a value for {_described(x)}, got None.")
    return output


def _numbers(x: Any) -> Float[Tensor, "..."]:
    try:
        return as_real("features", x)
    except ValueError as error:
        raise ValueError(
            f"`features` must return real numbers (n, f), a tensor or an array, got {_described(x)}"
            "; return one vector per image."
        ) from error


def _described(x: Any) -> str:
    kind = type(x).__name__
    shape, dtype = getattr(x, "shape", None), getattr(x, "dtype", None)
    return f"a {kind}" if shape is None else f"a {kind} of shape {tuple(shape)}, {dtype}"


def _suited(x: Any, module: nn.Module | None) -> Any:
    """Returns a tensor in the module's device and dtype; other inputs unchanged."""
    like = None if module is None else _reference(module)
    if like is None or not isinstance(x, Tensor):
        return x
    return x.to(like) if x.is_floating_point() else x.to(like.device)


@contextmanager
def _exact(z: Tensor, modules: list[nn.Module]) -> Iterator[None]:
    """Switch autocast off on all devices: half precision would change the choice."""
    references = [tensor for module in modules if (tensor := _reference(module)) is not None]
    devices = {"cpu", z.device.type, *(tensor.device.type for tensor in references)}
    if torch.cuda.default_generators:  # CUDA is in use, perhaps within a plain function
        devices.add("cuda")
    with ExitStack() as stack:
        for device in devices:
            stack.enter_context(torch.autocast(device, enabled=False))
        yield


def _no_gradient(reason: str) -> MissingGradientError:
    return MissingGradientError(
        "`decode` and `features` must pass finite gradients to the latents, got none "
        f"({reason.rstrip('.')}); num_steps=0 chooses among candidates without gradients."
    )


def _module_of(stage: Stage) -> nn.Module | None:
    while isinstance(stage, functools.partial):
        stage = stage.func
    owner = stage.__self__ if inspect.ismethod(stage) else stage
    return owner if isinstance(owner, nn.Module) else None


def _reference(module: nn.Module) -> Tensor | None:
    """Returns a floating-point parameter or buffer, for its device and dtype."""
    tensors = chain(module.parameters(), module.buffers())
    return next((tensor for tensor in tensors if tensor.is_floating_point()), None)
