"""From latents to features by a caller's decoder and feature network, which stay as they are."""

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

# Rounding reaches a hundredth of the distance between two images where a network computes in half
# precision; noise that shows is above a tenth.
_ROUNDING = 0.02
# Of features far from the origin, relative to their length: some roundings of float32.
_PRECISION = 1e-5
_MOST_REPEATED, _REPEATED_OF = 8, 32  # candidates decoded twice: two, one in 32, at most eight


@final
class MissingGradientError(ValueError):
    """Latents cannot be moved by gradients through `decode` and `features`."""


@final
class DecodedFeatures:
    """The function phi(z) = features(decode(z)) and what pulls gradients back through it.

    Either stage may be any callable. `decode` gets latents of its own in torch's default dtype, on
    the latents' device; `features` gets what `decode` returns, untouched. So code that works in
    place alters neither latents nor anything remembered. Of `features` alone something is asked:
    real numbers (n, f), a tensor or an array.

    Behind either stage there may be an nn.Module: the stage itself, the object it is a method of,
    or that of a functools.partial. It is given tensors on its device, in its precision; whole
    numbers stay such, since only the network knows what they stand for. Autocast is off on every
    device in use.

    Random numbers that a stage takes from torch's global generators start anew at each call, and
    the generators' states are restored.

    Args:
        decode: latents (n, d) to images.
        features: images to (n, f).
        num_features: f.
        seed: of those random numbers, at least 0.
    """

    def __init__(self, decode: Stage, features: Stage, num_features: int, seed: int) -> None:
        stages = {"decode": decode, "features": features}
        self._stages = [(name, stage, _module_behind(stage)) for name, stage in stages.items()]
        self._num_features = num_features
        self._seed = seed

    def evaluating(self) -> AbstractContextManager[None]:
        """Returns a context in which all modules are in eval mode; each part's mode is restored."""
        return in_eval_mode(*(module for *_, module in self._stages if module is not None))

    @torch.no_grad()
    def __call__(self, z: Float[Tensor, "n d"]) -> Float[Tensor, "n f"]:
        """Returns phi(z) on the device of z, in blocks.

        Raises:
            ValueError: if a stage returns something else, or numbers that are not finite.
        """
        return torch.cat(
            [self._checked(self._evaluated(part), part) for part in torch.split(z, ROWS_AT_ONCE)]
        )

    @torch.no_grad()
    def check_repeatable(self, z: Float[Tensor, "n d"], known: Float[Tensor, "n f"]) -> None:
        """Raises ValueError if some of the latents have other features when decoded once more.

        They are decoded in another order and batch, with other global random numbers: as the
        caller decodes what is chosen. A few latents are enough, at most eight.

        Args:
            z: latents.
            known: phi(z).
        """
        count = min(len(z), _MOST_REPEATED, 2 + len(z) // _REPEATED_OF)
        again = self._checked(self._evaluated(z[:count].flip(0), self._seed + 1), z[:count])
        off = float((again.flip(0) - known[:count]).norm(dim=1).median())
        apart = float((known - known.roll(1, 0)).norm(dim=1).median())
        if off > _ROUNDING * apart + _PRECISION * float(known[:count].norm(dim=1).median()):
            raise ValueError(
                "`decode` and `features` must give the same for the same latent in any batch, got "
                f"features {off:.3g} apart when two images are {apart:.3g} apart. Switch their "
                "noise off (eval mode, eta=0), or seed it by the latent of each row."
            )

    def value_and_pullback(self, z: Float[Tensor, "n d"]) -> tuple[Float[Tensor, "n f"], Pullback]:
        """Returns phi(z), and the function that takes gradients in phi to gradients in z.

        No gradient is left in a weight.

        Raises:
            MissingGradientError: by that function, if the stages pass no gradient on.
        """
        leaf = z.detach().clone().requires_grad_()
        value = self._evaluated(leaf)

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
        """Raises MissingGradientError unless a combination of features has a finite gradient.

        What the stages raise without gradients too passes through as it is.
        """
        noise = torch.randn(
            (len(z), self._num_features), generator=generator, device=generator.device
        )
        try:
            _, pullback = self.value_and_pullback(z)
            gradient = pullback(noise.to(z.device))
        except (MissingGradientError, torch.OutOfMemoryError):
            raise
        except Exception as error:  # such as numpy()'s, asked of a tensor with a gradient
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
                f"dimension {self._num_features}, got {tuple(value.shape)}; make `data` of the "
                "features of real images by the same network."
            )
        if not value.isfinite().all():
            raise ValueError(
                "`features` must be finite for what `decode` makes of samples of the prior, got "
                "NaN or infinite values; look for them in the images first."
            )
        return value


def _called(name: str, stage: Stage, x: Any) -> Any:
    """Returns what a stage makes of x; of an error it says which stage raised it."""
    try:
        made = stage(x)
    except Exception as error:
        error.add_note(f"Raised by `{name}`, called with {_described(x)}.")
        raise
    if made is None:
        raise ValueError(f"`{name}` must return something for {_described(x)}, got None.")
    return made


def _numbers(x: Any) -> Float[Tensor, "..."]:
    try:
        return as_real("features", x)
    except ValueError as error:
        raise ValueError(
            f"`features` must return real numbers (n, f), a tensor or an array, got {_described(x)}"
            "; return the vectors that images are compared by."
        ) from error


def _described(x: Any) -> str:
    kind = type(x).__name__
    shape, dtype = getattr(x, "shape", None), getattr(x, "dtype", None)
    return f"a {kind}" if shape is None else f"a {kind} of shape {tuple(shape)}, {dtype}"


def _suited(x: Any, module: nn.Module | None) -> Any:
    """Returns a tensor on the module's device and in its precision; anything else untouched."""
    like = None if module is None else _example(module)
    if like is None or not isinstance(x, Tensor):
        return x
    return x.to(like) if x.is_floating_point() else x.to(like.device)


@contextmanager
def _exact(z: Tensor, modules: list[nn.Module]) -> Iterator[None]:
    """Switches autocast off: half precision would choose others."""
    examples = [example for module in modules if (example := _example(module)) is not None]
    devices = {"cpu", z.device.type, *(example.device.type for example in examples)}
    if torch.cuda.default_generators:  # CUDA is in use, perhaps by a function
        devices.add("cuda")
    with ExitStack() as stack:
        for device in devices:
            stack.enter_context(torch.autocast(device, enabled=False))
        yield


def _no_gradient(reason: str) -> MissingGradientError:
    return MissingGradientError(
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
