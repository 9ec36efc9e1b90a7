"""Samples candidates from a prior and decodes them."""

from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from hawc.samplers.candidates import Candidates
from hawc.samplers.decoded_features import DecodedFeatures
from hawc.samplers.latent_form import LatentForm
from hawc.samplers.progress import Progress
from hawc.samplers.stage import Stage
from hawc.targets import AbstractTarget
from hawc.targets.fixed_lengths import with_typical_lengths
from hawc.targets.sampling import float64_samples

__all__ = ["CandidateSource"]


@final
@dataclass(frozen=True, eq=False)
class CandidateSource:
    """Samples candidates from a prior and decodes them.

    The arguments are those of `hawc.FeatureSampler`; `decode` is the preview if there is one.
    """

    prior: AbstractTarget
    num_candidates: int
    decode: Stage
    features: Stage
    quality: Stage | None
    form: LatentForm
    progress: Progress

    def check_enough(self, n: int) -> None:
        """Raise ValueError unless there are candidates for n samples."""
        if n > self.num_candidates:
            raise ValueError(
                f"`num_candidates` must be at least the number of samples, {n}, got "
                f"{self.num_candidates}; raise it or sample fewer at once."
            )

    def decoder(self, num_features: int | None, seed: int) -> DecodedFeatures:
        """Returns the map from latents to features.

        Args:
            num_features: f; None for that of the first call.
            seed: of torch's global generators during its calls.
        """
        return DecodedFeatures(
            self.decode, self.features, num_features, seed, self.form, self.quality
        )

    def candidates(
        self,
        phi: DecodedFeatures,
        generator: torch.Generator,
        previous: Float[Tensor, "n r"] | None,
        keep_images: bool,
    ) -> Candidates:
        """Returns decoded samples of the prior, of typical lengths.

        Args:
            phi: in eval mode.
            generator: of the samples.
            previous: rows of an earlier choice, which are candidates too.
            keep_images: whether the images stay in memory.

        Raises:
            ValueError: if the same latent gives other features in another batch.
        """
        with float64_samples():
            latents = self.prior.sample(self.num_candidates, generator=generator)
        latents = with_typical_lengths(latents, self.prior.elliptical_form())
        if previous is not None:  # often still good after another process has appended
            latents = torch.cat([previous[:, : self.prior.dim].to(latents), latents])
        decoded = phi.decoded(latents, keep_images=keep_images, progress=self.progress)
        phi.check_repeatable(latents, decoded.features)
        return Candidates(latents, decoded.features, decoded.quality, decoded.images)
