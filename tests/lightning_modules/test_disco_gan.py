"""DiscoGAN: losses by hand, order of steps, trained weights, exact resume, the paper's settings."""

import csv
import math
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning import Callback, LightningModule, Trainer, seed_everything
from lightning.pytorch.loggers import CSVLogger
from torch import Tensor, nn

from datamodules import ToyDomains
from lightning_modules import DiscoGAN, TrainingError
from lightning_modules.base.alternating import Losses
from networks import DiscoCritic, DiscoTranslator, MLPEncoder
from tests.helpers import TinyImages, quiet_trainer, same_weights, weights
from tests.tiny_domains import TinyDomains, tiny_disco_gan

TOY = {"batch_size": 16, "num_points": 100}  # 90 points of either domain: 5 batches an epoch


class Times(nn.Module):
    """Multiplies rows by a number."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = nn.Parameter(torch.tensor(factor))

    def forward(self, rows: Tensor) -> Tensor:
        return self.factor * rows


class Sum(nn.Module):
    """Scores a row by the sum of its numbers; its one feature is the row."""

    def forward(self, rows: Tensor) -> Tensor:
        return rows.sum(1, keepdim=True)

    def scores_and_features(self, rows: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        return self(rows), (rows,)


def by_hand(**arguments: Any) -> DiscoGAN:
    """Doubles A to make B, halves and negates B to make A."""
    model = DiscoGAN((2,), lambda shape: nn.Identity(), lambda shape, n: Sum(), **arguments)
    model.generator = nn.ModuleDict({"a_to_b": Times(2.0), "b_to_a": Times(-0.5)})
    return model


A, B = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 4.0], [2.0, 0.0]])


def softplus(score: float) -> float:
    return math.log1p(math.exp(score))


def test_critic_loss_by_hand() -> None:
    losses = by_hand().critic_losses(A, B)
    # B: real scores 4 and 2, the fake (2, 0); A: the real score 1, fakes (0, -2) and (-1, 0)
    of_b = (softplus(-4) + softplus(-2)) / 2 + softplus(2)
    of_a = softplus(-1) + (softplus(-2) + softplus(-1)) / 2
    assert losses["loss"].item() == pytest.approx(of_a + of_b, rel=1e-6)
    assert losses["score_real_b"].mean().item() == pytest.approx(3)
    assert losses["score_fake_a"].mean().item() == pytest.approx(-1.5)
    halved = by_hand(critic_weight=0.5).critic_losses(A, B)["loss"]
    assert halved.item() == pytest.approx((of_a + of_b) / 2, rel=1e-6)


GAN = {"b": softplus(-2), "a": (softplus(2) + softplus(1)) / 2}
# there and back everything changes its sign: gaps of 2 (and 0) in A, of 8 and 4 in B
RECONSTRUCTION = {"a": 4 / 2, "b": (64 + 16) / 4}
# mean fakes against mean reals: (2, 0) and (1, 2) in B, (-0.5, -1) and (1, 0) in A
MATCHING = {"b": (1 + 4) / 2, "a": (2.25 + 1) / 2}


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({}, sum(GAN.values()) + sum(RECONSTRUCTION.values())),
        ({"weights": (1.0, 0.0)}, sum(GAN.values())),
        ({"weights": (0.5, 3.0)}, 0.5 * sum(GAN.values()) + 3 * sum(RECONSTRUCTION.values())),
        ({"distance": "l1"}, sum(GAN.values()) + 2 / 2 + (8 + 4) / 4),
        ({"distance": "huber", "huber_delta": 0.5}, sum(GAN.values()) + 0.875 / 2 + 5.75 / 4),
        ({"distance": "cosine"}, sum(GAN.values()) + 2 + 2),
        ({"both_ways": False}, GAN["b"] + RECONSTRUCTION["a"]),
        ({"both_ways": False, "weights": (1.0, 0.0)}, GAN["b"]),
        (
            {"feature_share": 0.9, "weights": (0.5, 0.5)},
            0.5 * (0.1 * sum(GAN.values()) + 0.9 * sum(MATCHING.values()))
            + 0.5 * sum(RECONSTRUCTION.values()),
        ),
    ],
)
def test_generator_loss_by_hand(arguments: dict[str, Any], expected: float) -> None:
    loss = by_hand(**arguments).generator_losses(A, B)["loss"]
    assert loss.item() == pytest.approx(expected, rel=1e-6)


def test_terms_are_logged_by_name() -> None:
    terms = by_hand(feature_share=0.5).generator_losses(A, B)
    for name, values in {
        "adversarial": GAN,
        "reconstruction": RECONSTRUCTION,
        "feature_matching": MATCHING,
    }.items():
        for domain, value in values.items():
            assert terms[f"{name}_{domain}"].item() == pytest.approx(value, rel=1e-6)


def test_reconstructions_pull_back_to_the_original() -> None:
    model = by_hand(weights=(0.0, 1.0))
    for _ in range(200):  # down the gradient the product of both factors goes to 1
        model.zero_grad()
        model.generator_losses(A, B)["loss"].backward()
        with torch.no_grad():
            for factor in model.generator.parameters():
                factor -= 0.01 * factor.grad
    there, back = (factor.item() for factor in model.generator.parameters())
    assert there * back == pytest.approx(1, abs=1e-3)


def test_starting_weights_end_after_their_batches() -> None:
    model = by_hand(weights=(0.0, 2.0), starting_weights=(1.0, 0.0), num_starting_batches=3)
    model.batch_count = 2
    assert model.generator_losses(A, B)["loss"].item() == pytest.approx(sum(GAN.values()))
    model.batch_count = 3
    expected = 2 * sum(RECONSTRUCTION.values())
    assert model.generator_losses(A, B)["loss"].item() == pytest.approx(expected)


def test_defaults_are_the_paper_s() -> None:
    for optimizer in tiny_disco_gan().configure_optimizers()[0]:
        assert isinstance(optimizer, torch.optim.Adam)
        expected = {"lr": 2e-4, "betas": (0.5, 0.999), "weight_decay": 1e-4}
        assert expected.items() <= optimizer.defaults.items()


class Watch(Callback):
    """Notes after each batch which networks have changed; keeps a checkpoint of each."""

    def __init__(self, folder: Path | None = None) -> None:
        self.moved: list[set[str]] = []
        self._folder = folder

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        self._before = weights(pl_module)

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        now = weights(pl_module)
        changed = [name for name in now if not torch.equal(now[name], self._before[name])]
        self.moved.append({".".join(name.split(".")[:2]) for name in changed})
        if self._folder is not None:
            trainer.save_checkpoint(self._folder / f"{len(self.moved)}.ckpt")


CRITICS = {"critic.a", "critic.b"}
TRANSLATORS = {"generator.a_to_b", "generator.b_to_a"}


@pytest.mark.parametrize("n_generator", [1, 2, 3])
def test_a_batch_moves_the_critics_and_the_next_ones_the_translators(
    tmp_path: Path, n_generator: int
) -> None:
    watch, model = Watch(), tiny_disco_gan(n_generator=n_generator)
    trainer = quiet_trainer(tmp_path, max_epochs=2, callbacks=[watch], val_check_interval=2)
    trainer.fit(model, ToyDomains(**TOY))
    turn = [CRITICS, *[TRANSLATORS] * n_generator]
    assert watch.moved == (turn * 10)[:10]
    assert model.critic_step == sum(m == CRITICS for m in watch.moved)
    assert model.generator_step == 10 - model.critic_step


def test_one_way_leaves_the_other_critic_alone(tmp_path: Path) -> None:
    watch = Watch()
    model = tiny_disco_gan(both_ways=False)
    quiet_trainer(tmp_path, callbacks=[watch]).fit(model, ToyDomains(**TOY))
    assert watch.moved[:2] == [{"critic.b"}, TRANSLATORS]


@pytest.mark.parametrize("feature_share", [0.0, 0.9])
def test_images_with_batch_norms(tmp_path: Path, feature_share: float) -> None:
    shape, watch = (1, 16, 16), Watch()
    translator, critic = partial(DiscoTranslator, width=2), partial(DiscoCritic, width=2)
    model = DiscoGAN(shape, translator, critic, feature_share=feature_share)
    quiet_trainer(tmp_path, callbacks=[watch]).fit(model, TinyDomains(image_shape=shape))
    assert {p.requires_grad for p in model.parameters()} == {True}
    assert watch.moved[:2] == [CRITICS, TRANSLATORS]
    made = model.eval().translate_to_b(torch.rand(4, *shape))
    assert made.shape == (4, *shape)
    assert 0 <= made.min() <= made.max() <= 1


def test_no_gradient_is_made_for_networks_that_stand_still(tmp_path: Path) -> None:
    model, seen = tiny_disco_gan(), set()
    generator_losses = model.generator_losses

    def spy(a: Tensor, b: Tensor) -> Losses:
        seen.update(p.requires_grad for p in model.critic.parameters())
        return generator_losses(a, b)

    model.critic_losses(A, B)["loss"].backward()
    assert all(p.grad is None for p in model.generator.parameters())
    model.generator_losses = spy  # type: ignore[method-assign]
    quiet_trainer(tmp_path, limit_train_batches=2).fit(model, ToyDomains(**TOY))
    assert seen == {False}
    assert all(p.requires_grad for p in model.parameters())


@pytest.mark.parametrize("step", [1, 2, 3, 5, 7])
def test_resumed_run_equals_the_uninterrupted_one(tmp_path: Path, step: int) -> None:
    seed_everything(3)
    whole = tiny_disco_gan()
    quiet_trainer(tmp_path, max_epochs=2, callbacks=[Watch(tmp_path)]).fit(whole, ToyDomains(**TOY))
    torch.manual_seed(99)
    resumed = tiny_disco_gan()
    quiet_trainer(tmp_path, max_epochs=2).fit(
        resumed, ToyDomains(**TOY), ckpt_path=str(tmp_path / f"{step}.ckpt")
    )
    assert (resumed.critic_step, resumed.generator_step) == (4, 6)
    assert same_weights(weights(whole), weights(resumed))


def test_validation_and_test_log_reconstructions(tmp_path: Path) -> None:
    trainer, model = quiet_trainer(tmp_path), by_hand()
    data = ToyDomains(**TOY)
    trainer.validate(model, data, verbose=False)
    (a, b) = data._splits["val"]
    logged = trainer.callback_metrics
    for name, rows in {"a": a, "b": b}.items():
        expected = float((2 * rows).square().mean())  # -x in place of x
        assert float(logged[f"val/reconstruction_{name}"]) == pytest.approx(expected, rel=1e-5)
    assert set(trainer.test(model, data, verbose=False)[0]) == {
        "test/reconstruction_a",
        "test/reconstruction_b",
    }


def test_distances_are_of_images_between_zero_and_one() -> None:
    shape = (1, 1, 2)
    model = DiscoGAN(shape, lambda shape: nn.Identity(), partial(MLPEncoder, widths=()))
    model.generator = nn.ModuleDict({"a_to_b": Times(0.0), "b_to_a": Times(0.0)})
    white = torch.ones(1, *shape)  # comes back as grey, 0.5 of 1
    terms = model.generator_losses(white, -white)
    assert terms["reconstruction_a"].item() == pytest.approx(0.25)
    assert model.translate_to_a(white).unique().tolist() == [0.5]


def test_batches_that_are_not_of_two_domains(tmp_path: Path) -> None:
    model = tiny_disco_gan((1, 8, 8))
    with pytest.raises(TrainingError, match=r"serve DiscoGAN batches \(a, b\) .*, got .* \(16,\);"):
        quiet_trainer(tmp_path).fit(model, TinyImages(batch_size=16))
    for parts in ((A,), (A, A, A)):
        with pytest.raises(TrainingError, match=r"got a tuple of \((Tensor,? ?)+\); return \(a, b"):
            by_hand().alternate(parts)
    with pytest.raises(TrainingError, match=r"\(n, 1, 8, 8\), got the shape \(\d+, 2\)"):
        quiet_trainer(tmp_path).fit(model, ToyDomains(**TOY))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_generator": 0}, "`n_generator` must be at least 1, got 0"),
        ({"distance": "l2"}, '`distance` must be "l1", "mse", "huber" or "cosine", got .l2'),
        ({"huber_delta": 0.0}, "`huber_delta` must be > 0, got 0.0; for images try 0.1"),
        ({"weights": (0.0, 0.0)}, r"`weights` must be two numbers >= 0 and not both 0, .* \(0"),
        ({"starting_weights": (1.0, -1.0)}, r"`starting_weights` must be two numbers .* -1"),
        ({"num_starting_batches": 0}, "`num_starting_batches` must be at least 1, got 0"),
        ({"feature_share": 1.5}, r"`feature_share` must be in \[0, 1\], got 1.5; the paper's is 0"),
        ({"feature_share": 0.5}, "a `critic` with the method `scores_and_features`.*MLPEncoder"),
        ({"critic_weight": 0.0}, "`critic_weight` must be > 0, got 0.0; the paper's is 1"),
    ],
)
def test_wrong_arguments(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        tiny_disco_gan(**arguments)


@pytest.mark.parametrize("interval", [1, 2, 3, 4, 5])
def test_each_logged_interval_has_the_latest_losses_of_both(tmp_path: Path, interval: int) -> None:
    logger = CSVLogger(tmp_path, name="", version="")
    trainer = quiet_trainer(tmp_path, logger=logger, log_every_n_steps=interval, max_epochs=2)
    data = ToyDomains(batch_size=6, num_points=100)  # 15 batches an epoch: whole turns
    trainer.fit(tiny_disco_gan(), data)
    rows = list(csv.DictReader((tmp_path / "metrics.csv").open()))
    steps = [
        (int(row["step"]), float(row["train/critic_step"]), float(row["train/generator_step"]))
        for row in rows
        if row["train/critic_step"] and row["train/generator_step"]
    ]
    assert len(steps) >= 30 // interval - 2  # none before the first generator step of an epoch
    for step, critic_step, generator_step in steps:
        batches = step + 1
        assert critic_step == (batches + 2) // 3
        assert generator_step == batches - critic_step
