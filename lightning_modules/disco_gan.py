"""DiscoGAN: translators between two domains, learnt without pairs.

Translators g_ab, g_ba and critics f_a, f_b (scores before a sigmoid) minimise alternately, with
softplus(s) = log(1 + e^s) and batches x of A and y of B,

    critics:      sum over both domains of  E softplus(-f_b(y)) + E softplus(f_b(g_ab(x))),
    translators:  sum over both domains of
                  w (1 - s) E softplus(-f_b(g_ab(x)))  +  w s M_b  +  v E d(g_ba(g_ab(x)), x),

d the reconstruction distance, M_b feature matching (``losses.translation``), (w, v) the two
`weights` and s = `feature_share`. Terms of A are those of B with the domains exchanged.

The paper has w = v = 1 and s = 0. The authors' code has s = 0.9, halves the critics' losses and
has a weight decay of 1e-5. Its (w, v) is (0.99, 0.01) in the first 10,000 batches and (0.5, 0.5)
thereafter.
Distances are of images in [0, 1], as in that code; networks work in [-1, 1].

Source: Kim, Cha, Kim, Lee and Kim 2017, "Learning to discover cross-domain relations with
generative adversarial networks", arXiv 1703.05192: Adam with learning rate 2e-4, betas (0.5, 0.999)
and weight decay 1e-4. The paper leaves the number of steps open; a batch for the critics and two
for the translators are the code's.
"""

from collections.abc import Callable
from typing import Any, ClassVar, final

import torch
from lightning.pytorch.cli import OptimizerCallable
from torch import Tensor, nn
from torch.nn.functional import softplus

from hawc.precision import full_precision
from lightning_modules.base.alternating import AbstractAlternating, Losses, Network, frozen
from lightning_modules.base.checks import (
    BatchContract,
    check_at_least_one,
    check_choice,
    check_positive,
    check_sizes,
)
from lightning_modules.base.critic_scores import critic_scores
from lightning_modules.base.image_range import from_signed, squashed, to_signed
from lightning_modules.base.optimizers import AdamWithBetas
from lightning_modules.interface import FeatureCritic, ImageShape, NetworkFactory, provides
from lightning_modules.losses.translation import (
    Distance,
    feature_matching,
    reconstruction_distance,
)

__all__ = ["DiscoGAN"]

TranslatorFactory = Callable[[ImageShape], nn.Module]
"""Builds a network from images to images; in YAML a class_path and the other arguments."""

Weights = tuple[float, float]
"""Of the adversarial and the reconstruction term."""

_DIRECTIONS = (("a", "b"), ("b", "a"))


@final
class DiscoGAN(AbstractAlternating):
    """Two translators and two critics; logs both losses and their terms by domain.

    A batch (a, b) of two domains serves one step: one of both critics together, then
    `n_generator` of both translators together.

    Args:
        image_shape: of one image of either domain, without the batch.
        generator: builds a translator, unbounded output; called twice.
        critic: builds a network from images to one score; called twice. Feature matching needs
            its method `scores_and_features`, as networks.DiscoCritic has.
        generator_optimizer: of both translators; default Adam as in the paper.
        critic_optimizer: of both critics; default Adam as in the paper.
        n_generator: generator steps after each critic step, at least 1.
        distance: between an image and its reconstruction: l1, mse, huber or cosine.
        huber_delta: error above which the Huber distance is linear, > 0; for errors below 1 a
            delta of 1 makes it half the mse.
        weights: of the adversarial and the reconstruction term, >= 0. (1, 0): plain GANs.
        starting_weights: replace `weights` in the first `num_starting_batches` batches; None: the
            same.
        num_starting_batches: batches with `starting_weights`, at least 1.
        feature_share: share of feature matching in the adversarial term, in [0, 1].
        critic_weight: factor of the critics' loss, > 0; 0.5 in the authors' code.
        both_ways: whether B to A has its own critic and reconstruction; False leaves the "GAN with
            a reconstruction loss" that the paper compares with.
        **options: `generator_scheduler`, `critic_scheduler` and `max_gradient_norm` of
            `AbstractAlternating`, each for both networks of a kind.

    Raises:
        ValueError: if an argument is out of its range, or features are missing.
        TrainingError: (in a step) if a loss is not finite or a batch breaks `BatchContract`.
    """

    num_domains: ClassVar[int] = 2
    """Of a batch (a, b)."""

    def __init__(
        self,
        image_shape: ImageShape,
        generator: TranslatorFactory,
        critic: NetworkFactory,
        generator_optimizer: OptimizerCallable = lambda p: AdamWithBetas(
            p, lr=2e-4, beta1=0.5, beta2=0.999, weight_decay=1e-4
        ),
        critic_optimizer: OptimizerCallable = lambda p: AdamWithBetas(
            p, lr=2e-4, beta1=0.5, beta2=0.999, weight_decay=1e-4
        ),
        n_generator: int = 2,
        distance: Distance = "mse",
        huber_delta: float = 0.1,
        weights: Weights = (1.0, 1.0),
        starting_weights: Weights | None = None,
        num_starting_batches: int = 10_000,
        feature_share: float = 0.0,
        critic_weight: float = 1.0,
        both_ways: bool = True,
        **options: Any,
    ) -> None:
        super().__init__(
            generator_optimizer=generator_optimizer, critic_optimizer=critic_optimizer, **options
        )
        check_sizes(image_shape, 1)
        check_at_least_one("n_generator", n_generator)
        check_at_least_one("num_starting_batches", num_starting_batches)
        check_choice("distance", distance, Distance)
        check_positive("huber_delta", huber_delta, "for images try 0.1")
        check_positive("critic_weight", critic_weight, "the paper's is 1")
        self.image_shape = tuple(image_shape)
        name = type(self).__name__
        self.batch_contract = BatchContract(self.image_shape, name, self.num_domains)
        self.generator = nn.ModuleDict(
            {way: generator(self.image_shape) for way in ("a_to_b", "b_to_a")}
        )
        self.critic = nn.ModuleDict({name: critic(self.image_shape, 1) for name in ("a", "b")})
        self._feature_share = _checked_share(feature_share, self.critic["a"])
        self._n_generator = n_generator
        self._distance, self._huber_delta = distance, huber_delta
        self._weights = _checked_weights("weights", weights)
        self._starting_weights = _checked_weights("starting_weights", starting_weights or weights)
        self._num_starting_batches = num_starting_batches
        self._critic_weight = critic_weight
        self._directions = _DIRECTIONS if both_ways else _DIRECTIONS[:1]

    def translate_to_b(self, images: Tensor) -> Tensor:
        """Translates images (n, *image_shape) in [0, 1], or rows, from A to B."""
        return self._unsigned(self._translate(self._signed(images), "a", "b"))

    def translate_to_a(self, images: Tensor) -> Tensor:
        """Translates images (n, *image_shape) in [0, 1], or rows, from B to A."""
        return self._unsigned(self._translate(self._signed(images), "b", "a"))

    def alternate(self, batch: tuple[Tensor, Tensor]) -> None:
        a, b = self._domains(batch)
        if self._phase() == 0:
            self.step_critic(self.critic_losses(a, b))
            return
        with frozen(self.critic):
            self.step_generator(self.generator_losses(a, b))

    def batches_until_next(self, network: Network) -> int:
        if network == "critic":
            return 1 + self._n_generator
        return 2 if self._phase() == self._n_generator else 1

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        self._log_reconstructions("val", batch)

    def test_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        self._log_reconstructions("test", batch)

    def critic_losses(self, a: Tensor, b: Tensor) -> Losses:
        """Returns the critics' "loss" and scores, for images of both domains in [-1, 1]."""
        batches = {"a": a, "b": b}
        terms: dict[str, Tensor] = {}
        loss = a.new_zeros(())
        for source, target in self._directions:
            with torch.no_grad(), frozen(self.generator):
                fake = self._translate(batches[source], source, target)
            score_real, score_fake = critic_scores(self.critic[target], batches[target], fake)
            loss = loss + softplus(-score_real).mean() + softplus(score_fake).mean()
            terms[f"score_real_{target}"] = score_real
            terms[f"score_fake_{target}"] = score_fake
        return {"loss": self._critic_weight * loss, **terms}

    def generator_losses(self, a: Tensor, b: Tensor) -> Losses:
        """Returns the translators' "loss" and its terms, for images in [-1, 1]."""
        batches = {"a": a, "b": b}
        weight, reconstruction_weight = self._current_weights()
        terms: dict[str, Tensor] = {}
        loss = a.new_zeros(())
        for source, target in self._directions:
            fake = self._translate(batches[source], source, target)
            adversarial, matching = self._adversarial(self.critic[target], batches[target], fake)
            terms[f"adversarial_{target}"] = adversarial
            loss = loss + weight * (1 - self._feature_share) * adversarial
            if matching is not None:
                terms[f"feature_matching_{target}"] = matching
                loss = loss + weight * self._feature_share * matching
            if reconstruction_weight > 0:
                reconstruction = self._translate(fake, target, source)
                distance = self._distance_to(reconstruction, batches[source])
                terms[f"reconstruction_{source}"] = distance
                loss = loss + reconstruction_weight * distance
        return {"loss": loss, **terms}

    def _phase(self) -> int:
        """Returns 0 for a critic step, 1 to `n_generator` for generator steps after it."""
        return self.batch_count % (1 + self._n_generator)

    def _translate(self, images: Tensor, source: str, target: str) -> Tensor:
        return squashed(self.generator[f"{source}_to_{target}"](images), self.image_shape)

    def _signed(self, images: Tensor) -> Tensor:
        return to_signed(images, self.image_shape)

    def _unsigned(self, images: Tensor) -> Tensor:
        return from_signed(images, self.image_shape)

    def _adversarial(self, critic: Any, real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor | None]:
        """Returns the GAN loss of fakes, and their feature matching if its share is not 0."""
        if self._feature_share == 0:
            return softplus(-full_precision(critic(fake))).mean(), None
        score, features = critic.scores_and_features(fake)
        _, real_features = critic.scores_and_features(real)
        return softplus(-full_precision(score)).mean(), feature_matching(real_features, features)

    def _distance_to(self, reconstruction: Tensor, original: Tensor) -> Tensor:
        images = self._unsigned(reconstruction), self._unsigned(original)
        return reconstruction_distance(self._distance, *images, self._huber_delta)

    def _current_weights(self) -> Weights:
        starting = self.batch_count < self._num_starting_batches
        return self._starting_weights if starting else self._weights

    def _log_reconstructions(self, stage: str, batch: tuple[Tensor, Tensor]) -> None:
        for (source, target), images in zip(_DIRECTIONS, self._domains(batch), strict=True):
            translated = self._translate(images, source, target)
            reconstruction = self._translate(translated, target, source)
            self.log(
                f"{stage}/reconstruction_{source}",
                self._distance_to(reconstruction, images),
                batch_size=len(images),
                sync_dist=True,
            )

    def _domains(self, batch: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        """Returns the checked images of both domains in the networks' range."""
        a, b = self.batch_contract.examples(batch)
        return self._signed(a), self._signed(b)


def _checked_weights(name: str, pair: Weights) -> Weights:
    if len(pair) != 2 or min(pair) < 0 or max(pair) == 0:
        raise ValueError(
            f"`{name}` must be two numbers >= 0 and not both 0, those of the adversarial and the "
            f"reconstruction term, got {pair}; the paper's are 1 and 1."
        )
    return pair


def _checked_share(feature_share: float, critic: nn.Module) -> float:
    if not 0 <= feature_share <= 1:
        raise ValueError(
            f"`feature_share` must be in [0, 1], got {feature_share}; the paper's is 0, the "
            "authors' code has 0.9."
        )
    if feature_share > 0 and not provides(critic, FeatureCritic):
        raise ValueError(
            "`feature_share` above 0 needs a `critic` with the method `scores_and_features`, as "
            f"networks.DiscoCritic, got {type(critic).__name__}; set it to 0."
        )
    return feature_share
