"""The map from latents to features, through any decoder and any feature network."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, final

import torch
from jaxtyping import Float
from torch import Tensor

from hawc.module_state import fixed_noise, in_eval_mode
from hawc.points import as_real
from hawc.samplers.images import copied, single_images
from hawc.samplers.latent_form import LatentForm
from hawc.samplers.progress import Progress
from hawc.samplers.stage import (
    Stage,
    called,
    described_output,
    module_of,
    without_autocast_anywhere,
)

__all__ = ["Decoded", "DecodedFeatures", "MissingGradientError", "Stage"]

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
@dataclass(frozen=True, eq=False)
class Decoded:
    """What was computed of decoded latents.

    Args:
        features: of the images.
        quality: scores of the images; None without such a function.
        images: one by one; empty unless they were asked for.
    """

    features: Float[Tensor, "n f"]
    quality: Float[Tensor, " n"] | None
    images: list[Any]


@final
class DecodedFeatures:
    """The function phi(z) = features(decode(z)), with gradients.

    Either stage may be any callable. `decode` is given a copy of the latents, in the form that is
    asked for and on the latents' device. `features` is given the unchanged output of `decode`. Code
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
        num_features: f; None for that of the first call.
        seed: of the global generators during a call, at least 0.
        form: shape, dtype and batch size of the latents.
        quality: images to scores (n,).
    """

    def __init__(
        self,
        decode: Stage,
        features: Stage,
        num_features: int | None,
        seed: int,
        form: LatentForm | None = None,
        quality: Stage | None = None,
    ) -> None:
        self.num_features = num_features
        self._decode, self._features, self._quality = decode, features, quality
        stages = (decode, features) if quality is None else (decode, features, quality)
        self._modules = [module for stage in stages if (module := module_of(stage)) is not None]
        self._seed = seed
        self._form = form or LatentForm()

    def evaluating(self) -> AbstractContextManager[None]:
        """Returns a context with all modules in eval mode; their modes are restored."""
        return in_eval_mode(*self._modules)

    def __call__(self, z: Float[Tensor, "n d"]) -> Float[Tensor, "n f"]:
        """Returns phi(z) on the device of z, computed in batches.

        Raises:
            ValueError: if the features are not f finite numbers per latent.
        """
        return self.decoded(z).features

    @torch.no_grad()
    def decoded(
        self, z: Float[Tensor, "n d"], *, keep_images: bool = False, progress: Progress = iter
    ) -> Decoded:
        """Returns features and scores of latents, computed in batches.

        Args:
            z: latents.
            keep_images: whether to return the images too, which then stay in memory.
            progress: shows the progress over the batches, as `tqdm.tqdm`.

        Raises:
            ValueError: if the features or scores have another form or are not finite.
        """
        features, quality, images = [], [], []
        for part in progress(self._form.batches(z)):
            with fixed_noise(self._seed), without_autocast_anywhere(part, self._modules):
                output = called("decode", self._decode, self._form.given(part), len(part))
                if keep_images:
                    images += single_images(copied(output), len(part))
                if self._quality is not None:
                    scores = called("quality", self._quality, copied(output), len(part))
                    quality.append(_checked_scores(scores, len(part)).to(z.device))
                value = _numbers(called("features", self._features, output, len(part)))
            features.append(self._checked(value.to(z.device), part, output))
        return Decoded(torch.cat(features), torch.cat(quality) if quality else None, images)

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
        parts = self._form.batches(z[:count].flip(0))
        again = torch.cat([self._checked(*self._evaluated(p, self._seed + 1)) for p in parts])
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
        parts = self._form.batches(leaf)
        value = torch.cat([self._evaluated(part, self._seed)[0] for part in parts])

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
        try:
            value, pullback = self.value_and_pullback(z)
            noise = torch.randn(value.shape, generator=generator, device=generator.device)
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

    def _evaluated(self, z: Tensor, seed: int) -> tuple[Tensor, Tensor, Any]:
        """Returns features, latents and images, none of them checked."""
        with fixed_noise(seed), without_autocast_anywhere(z, self._modules):
            images = called("decode", self._decode, self._form.given(z), len(z))
            value = _numbers(called("features", self._features, images, len(z)))
        return value.to(z.device), z, images

    def _checked(self, value: Tensor, z: Tensor, images: Any) -> Float[Tensor, "n f"]:
        if self.num_features is None and value.ndim == 2:
            self.num_features = value.shape[1]
        expected = (len(z), self.num_features or "f")
        if value.shape != expected:
            raise ValueError(
                f"`features` must return shape {expected} for {len(z)} latents, got "
                f"{tuple(value.shape)}; `decode` returned {described_output(images)}. Return one "
                "image for each latent, and use one feature network for all images, those of "
                "`history` and `data` too."
            )
        if not value.isfinite().all():
            raise ValueError(
                "`features` must be finite for decoded samples of the prior, got NaN or infinite "
                "values; look for them in the images first."
            )
        return value


def _numbers(x: Any) -> Float[Tensor, "..."]:
    try:
        return as_real("features", x)
    except ValueError as error:
        raise ValueError(
            "`features` must return real numbers (n, f), a tensor or an array, got "
            f"{described_output(x)}; return one vector per image."
        ) from error


def _checked_scores(x: Any, count: int) -> Float[Tensor, " n"]:
    scores = as_real("quality", x)
    if scores.numel() != count or not scores.isfinite().all():
        raise ValueError(
            f"`quality` must return one finite score per image, got {described_output(x)} for "
            f"{count} images; return larger scores for better images."
        )
    return scores.double().reshape(-1)


def _no_gradient(reason: str) -> MissingGradientError:
    return MissingGradientError(
        "`decode` and `features` must pass finite gradients to the latents, got none "
        f"({reason.rstrip('.')}); num_steps=0 chooses among candidates without gradients."
    )
