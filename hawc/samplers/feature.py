"""Sampling by features: latents whose images complement all earlier images."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal, final

import torch
from jaxtyping import Float
from torch import Tensor

from hawc.arguments import check_instance, check_text, whole_number
from hawc.history import AbstractHistory
from hawc.history.positions import Ids
from hawc.kernels import AbstractKernel
from hawc.samplers.abstract import AbstractSampler, GeneratorAt, Metadata
from hawc.samplers.candidate_source import CandidateSource
from hawc.samplers.candidates import Candidates, remembered_latents
from hawc.samplers.feature_data import own_distribution, remember_candidates
from hawc.samplers.feature_objective import FeatureObjective
from hawc.samplers.feature_problem import FeatureProblem
from hawc.samplers.feature_warnings import warn_if_unlike_data
from hawc.samplers.features import Features
from hawc.samplers.images import SampledImages, as_batch, decoded_images
from hawc.samplers.latent_descent import LatentDescent
from hawc.samplers.latent_form import LatentForm
from hawc.samplers.latents_with_features import LatentsWithFeatures
from hawc.samplers.progress import Progress, progress_of
from hawc.samplers.report import SamplerReport
from hawc.samplers.seeding import unpredictable_generator
from hawc.samplers.stage import Stage, check_stages
from hawc.targets import AbstractTarget

__all__ = ["FeatureSampler"]


@final
class FeatureSampler(AbstractSampler):
    """Sampler of latents whose images complement all earlier images in features.

    For each batch, candidates are sampled from the prior and decoded. The best are selected by
    exchange, then moved by L-BFGS through decoder and feature network. The objective is

        d^2(features, features of the data) + typicality d^2(latents, prior) - mean quality

    Both distances count the remembered points too, and are divided by the mean distance between two
    candidates. Latents keep their length, between the 1 % and 99 % quantiles of the prior's.

    `decode` and `features` may be any callables. `decode` gets a copy of the latents, `features`
    the unchanged output of `decode`. The same latent must give the same features in any batch.
    An `nn.Module`, or a method or partial of one, is in eval mode during the call. If you pass a
    plain function, call `.eval()` on its modules yourself.

    A row of the history is a latent followed by its features. Images added as features alone are
    avoided (`min_distance`), but not matched. Candidates are decoded before the store is locked,
    and once: after a conflict with another process only the selection is repeated.

    Args:
        prior: the distribution of the latents that the decoder was trained with.
        decode: latents (n, d) to images, in any form that `features` accepts.
        features: images to features (n, f), a tensor or an array.
        data: the distribution of real images' features, such as `hawc.Empirical(features(x))`.
            None is the generator's own, estimated by up to 4,096 candidates that the history keeps.
        data_weight: of the match with the data, >= 0. Below 1 images are more diverse.
        history: a new `MemoryHistory` if None. A new `hawc.DatabaseHistory` needs no target.
        kernel: of both squared distances; `hawc.kernels.HuberEnergy`, nearly |x - y|, if None.
        num_candidates: samples to choose from, at least n. All are decoded, up to eight twice.
        num_steps: maximum number of L-BFGS steps; 0 moves no candidate. None is 50, but 0 with
            `preview` or `quality`, for a prior without elliptical form or, after a warning, if no
            gradient reaches the latents.
        typicality: weight of the latents' term, >= 0.
        min_distance: desired distance, in features, from each new image to every other one.
            Shorter distances are penalized, not excluded; a warning reports one below 90 % of it.
            "25%": a quarter of the examples in `data` (of 200 images, without data) have their
            nearest neighbor within this distance; "25% of 1000": of 1,000 images. None: the
            distance that half of independent images keep. 0: no penalty.
        preview: latents to cheap images, such as those of few denoising steps. Features are those
            of previews, and `decode` makes the chosen images alone.
        quality: images to scores (n,), larger is better; used in the selection only.
        quality_weight: value of one unit of quality, in mean distances between two candidates.
        latent_shape: of a latent, such as (4, 64, 64), for `decode` and `sample`; (d,) if None.
        dtype: of the latents for `decode`; torch's default if None, or that of a module.
        batch_size: the most latents that `decode` gets at once, at least 1.
        avoid: whether `min_distance` holds for images of the "condition" or of the whole "gallery".
        features_name: names the feature network; the history then refuses another one.
        generator_name: names the generator, such as a digest; kept with each image.
        progress: True for a progress bar by tqdm, or a function such as `tqdm.tqdm`.

    Raises:
        ValueError: if an argument is out of range or does not fit the history; by `sample`, if the
            features are not f finite numbers per image, differ when computed again, or lack a
            gradient that `num_steps` requires.

    Example:
        >>> import torch
        >>> from hawc import FeatureSampler, StandardNormal
        >>> matrix = torch.randn(2, 16, generator=torch.Generator().manual_seed(1))
        >>> sampler = FeatureSampler(
        ...     StandardNormal(2), decode=lambda z: z @ matrix, features=lambda x: x[:, ::2]
        ... )
        >>> latents = sampler.sample(10, generator=torch.Generator().manual_seed(0))
        >>> latents.shape, sampler.history.dim
        (torch.Size([10, 2]), 10)
    """

    def __init__(
        self,
        prior: AbstractTarget,
        *,
        decode: Stage,
        features: Stage,
        data: AbstractTarget | None = None,
        data_weight: float = 1.0,
        history: AbstractHistory | None = None,
        kernel: AbstractKernel | None = None,
        num_candidates: int = 1000,
        num_steps: int | None = None,
        typicality: float = 0.1,
        min_distance: float | str | None = None,
        preview: Stage | None = None,
        quality: Stage | None = None,
        quality_weight: float = 0.1,
        latent_shape: Sequence[int] | None = None,
        dtype: torch.dtype | None = None,
        batch_size: int = 32,
        avoid: Literal["condition", "gallery"] = "condition",
        features_name: str | None = None,
        generator_name: str | None = None,
        progress: bool | Progress = False,
    ) -> None:
        check_instance("prior", prior, AbstractTarget)
        check_instance("data", data, AbstractTarget, or_none=True)
        check_stages(decode=decode, features=features)
        check_stages(preview=preview or decode, quality=quality or features)
        check_text(features_name=features_name, generator_name=generator_name)
        self._prior, self._data = prior, data
        self._features_name, self._generator_name = features_name, generator_name
        if num_steps is None and (preview is not None or quality is not None):
            num_steps = 0
        self._decode, self._has_preview, self._keeps_images = decode, preview is not None, False
        self._objective = FeatureObjective(
            prior, data, data_weight, kernel, typicality, quality_weight, min_distance, avoid
        )
        self._descent = LatentDescent(prior, kernel, num_steps)
        self._source = CandidateSource(
            prior,
            whole_number("num_candidates", num_candidates, 1),
            preview or decode,
            features,
            quality,
            LatentForm.checked(prior.dim, latent_shape, dtype, batch_size),
            progress_of(progress),
        )
        self._candidates: Candidates | None = None  # of the latest batch, i.i.d.
        self._eligible: Candidates | None = None  # after a conflict: these and the moved ones
        self._chosen: Candidates | None = None
        self._is_compared_with_data = False  # True after the first batch
        recorded = getattr(history, "num_features", 0)  # 0 until the first decoding
        self._num_features: int | None = (recorded or None) if data is None else data.dim
        rows = self._rows_of(self._num_features) if self._num_features else None
        # last, since it may create a record in the store
        super().__init__(prior, history, rows, are_rows_known=rows is not None)

    def sample_images(
        self,
        n: int,
        *,
        generator: torch.Generator | GeneratorAt | None = None,
        metadata: Metadata = None,
    ) -> SampledImages:
        """Choose n new images, record them in the history and return them.

        The images of all candidates stay in memory meanwhile, or none of them with `preview`.

        Args:
            n: number of images, at least 1.
            generator: as in `sample`; None for a new one, seeded by the operating system.
            metadata: as in `sample`.

        Raises:
            ValueError: as in `sample`, or if `decode` returns no tensor, array or list.
        """
        places: list[int] = []
        with self._one_at_a_time:
            self._keeps_images = not self._has_preview
            try:
                latents = self.sample(
                    n,
                    generator=generator or unpredictable_generator(),
                    before_append=lambda _, position: places.append(position),
                    metadata=metadata,
                )
                images = self._chosen.images if self._chosen else []
            finally:
                self._keeps_images, self._chosen, self._eligible = False, None, None
                if self._candidates is not None:
                    self._candidates = replace(self._candidates, images=[])
        made = as_batch(images) if images else self._decoded(latents.flatten(1))
        return SampledImages(made, latents, range(places[-1], places[-1] + n))

    def remake(self, ids: Ids, *, device: torch.device | str = "cpu") -> Any:
        """Returns remembered images, decoded again from the latents of their rows.

        They are equal to the last bit with batch_size=1; other batches round differently.

        Args:
            ids: one row of the history, or several.
            device: of the latents for `decode`.

        Raises:
            ValueError: if a row does not exist, was forgotten or has no latent.
        """
        return self._decoded(remembered_latents(self.history, ids, self.target.dim).to(device))

    def report(self) -> SamplerReport:
        """Returns how different the remembered images are, and how typical their latents.

        Raises:
            ValueError: if nothing is remembered yet.
        """
        candidates = self.history.candidates()
        if self._candidates is not None and len(candidates) < len(self._candidates.features):
            candidates = self._candidates.features
        return SamplerReport.of(self.history, self.target, self._data, candidates)

    def choose(
        self,
        n: int,
        past: Float[Tensor, "kp p"],  # without coordinates until the first choice
        generator: torch.Generator,
        previous: Float[Tensor, "n r"] | None = None,
    ) -> Float[Tensor, "n r"]:
        self._source.check_enough(n)
        exact = torch.autocast(generator.device.type, enabled=False)  # or the choice would change
        with torch.inference_mode(False), torch.enable_grad(), exact:
            if previous is not None and self._eligible is not None:
                # after a conflict nothing is decoded again, perhaps while the store is locked
                chosen, _ = self._best(n, past, self._eligible)
            else:
                chosen = self._decided(n, past, generator, previous)
        self._chosen = chosen
        return chosen.rows

    def _decided(
        self,
        n: int,
        past: Float[Tensor, "kp p"],
        generator: torch.Generator,
        previous: Float[Tensor, "k r"] | None,
    ) -> Candidates:
        """Returns images selected among new candidates, and moved."""
        seed = int(torch.randint(2**62, (), generator=generator, device=generator.device))
        phi = self._source.decoder(self._num_features, seed)
        with phi.evaluating():
            candidates = self._source.candidates(phi, generator, previous, self._keeps_images)
            self._candidates = self._eligible = candidates
            if self.rows is None:
                rows = self._rows_of(candidates.features.shape[1])
                self.history.bind(rows)
                self._num_features, self.rows = rows.num_features, rows
            if self._data is not None and not self._is_compared_with_data:
                warn_if_unlike_data(candidates.features, self._data, seed)
            self._is_compared_with_data = True
            chosen, problem = self._best(n, past, candidates)
            moved = self._descent(chosen.latents, candidates.latents, problem, phi, seed)
            if moved is not None:
                moved = moved.to(torch.get_default_dtype())
                decoded = phi.decoded(moved, keep_images=self._keeps_images)
                chosen = Candidates(moved, decoded.features, decoded.quality, decoded.images)
                self._eligible = candidates.after(chosen)
        self._objective.check_distance(problem, chosen)
        return chosen

    def _best(
        self, n: int, past: Float[Tensor, "kp p"], candidates: Candidates
    ) -> tuple[Candidates, FeatureProblem]:
        """Returns the best candidates, and the objective that they minimize."""
        assert self._candidates is not None  # all of these are i.i.d.
        data = self._data or own_distribution(self.history, self._candidates.features)
        problem = self._objective.problem(n, past, self.history, candidates, data)
        return candidates.at(problem.best_candidates()), problem

    def _appended(self) -> None:
        if self._data is None and self._candidates is not None:
            remember_candidates(self.history, self._candidates.features)

    def _shaped(self, latents: Float[Tensor, "n d"]) -> Float[Tensor, "n ..."]:
        return self._source.form.given(latents)

    def _notes(self) -> dict[str, Any]:
        return {"generator_name": self._generator_name}

    def _rows_of(self, num_features: int) -> LatentsWithFeatures:
        if self._data is not None and self._features_name is None:
            return LatentsWithFeatures(self._prior, self._data)
        return LatentsWithFeatures(self._prior, Features(num_features, self._features_name or ""))

    def _decoded(self, latents: Float[Tensor, "n d"]) -> Any:
        return decoded_images(self._decode, latents, self._source.form, self._source.progress)
