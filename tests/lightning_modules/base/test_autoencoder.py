"""The autoencoder's training step: one optimizer, named losses, a resume equal to the last bit."""

import math
from functools import partial
from pathlib import Path

import pytest
import torch
from lightning import Callback, Trainer, seed_everything
from lightning.pytorch.callbacks import ModelCheckpoint

from lightning_modules import EnergyVAE, TrainingError
from tests.helpers import (
    TinyImages,
    quiet_trainer,
    same_weights,
    tiny_decoder,
    tiny_encoder,
    tiny_energy_vae,
    weights,
)


def test_step_equals_plain_adam(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = tiny_energy_vae()
    twin = tiny_energy_vae()
    twin.load_state_dict(model.state_dict())
    data = TinyImages(batch_size=24)
    quiet_trainer(tmp_path, limit_train_batches=3, limit_val_batches=0).fit(model, data)
    optimizer = torch.optim.Adam(twin.parameters())
    for (images, _), _ in zip(data.train_dataloader(), range(3), strict=False):
        optimizer.zero_grad()
        twin.losses(images)["loss"].backward()
        optimizer.step()
    assert same_weights(weights(model), weights(twin))


def test_terms_are_logged(tmp_path: Path) -> None:
    trainer = quiet_trainer(tmp_path)
    trainer.fit(tiny_energy_vae(), TinyImages(batch_size=24))
    terms = ("loss", "reconstruction", "latent_distance")
    assert {f"{s}/{t}" for s in ("train", "val") for t in terms} <= trainer.callback_metrics.keys()
    (metrics,) = trainer.test(tiny_energy_vae(), TinyImages(batch_size=24), verbose=False)
    assert metrics.keys() == {f"test/{term}" for term in terms}


@pytest.mark.parametrize("step", [2, 3, 5])  # within the first epoch, at its end, within the second
def test_resumed_run_equals_the_uninterrupted_one(tmp_path: Path, step: int) -> None:
    seed_everything(3)
    save = ModelCheckpoint(tmp_path, every_n_train_steps=1, save_top_k=-1, filename="{step}")
    whole = tiny_energy_vae()
    trainer = quiet_trainer(tmp_path, max_epochs=2, enable_checkpointing=True, callbacks=[save])
    trainer.fit(whole, TinyImages(batch_size=24))
    torch.manual_seed(99)  # a new process has other random numbers
    resumed = tiny_energy_vae()
    quiet_trainer(tmp_path, max_epochs=2).fit(
        resumed, TinyImages(batch_size=24), ckpt_path=str(tmp_path / f"step={step}.ckpt")
    )
    assert trainer.global_step == 6
    assert same_weights(weights(whole), weights(resumed))


def test_noise_of_a_resumed_accumulating_run_is_the_same(tmp_path: Path) -> None:
    seed_everything(3)
    save = ModelCheckpoint(tmp_path, every_n_train_steps=1, save_top_k=-1, filename="{step}")
    results = []
    for checkpoint in (None, str(tmp_path / "step=2.ckpt")):
        torch.manual_seed(7 if checkpoint else 3)
        model = tiny_energy_vae()
        model.decoder.insert(1, torch.nn.Dropout(0.5))
        trainer = quiet_trainer(
            tmp_path,
            max_epochs=2,
            accumulate_grad_batches=2,
            enable_checkpointing=checkpoint is None,
            callbacks=[] if checkpoint else [save],
        )
        trainer.fit(model, TinyImages(batch_size=18), ckpt_path=checkpoint)
        results.append(weights(model))
    assert same_weights(*results)


def test_every_accumulated_batch_has_noise_of_its_own(tmp_path: Path) -> None:
    seed_everything(3)
    model, noise = tiny_energy_vae(), []
    losses = model.losses

    def spy(images: torch.Tensor) -> dict[str, torch.Tensor]:
        noise.append(float(torch.rand(())))
        return losses(images)

    model.losses = spy  # type: ignore[method-assign]
    trainer = quiet_trainer(tmp_path, accumulate_grad_batches=2, limit_val_batches=0)
    trainer.fit(model, TinyImages(batch_size=18))
    assert (len(noise), trainer.global_step) == (4, 2)
    assert len(set(noise)) == 4


@pytest.mark.parametrize("shape", [(), (1, 0, 8)])
def test_empty_shapes_are_refused(shape: tuple[int, ...]) -> None:

    with pytest.raises(ValueError, match="`image_shape` must be positive integers"):
        EnergyVAE(shape, 2, tiny_encoder, tiny_decoder)


def test_images_of_another_shape_are_refused(tmp_path: Path) -> None:

    model = EnergyVAE((1, 8, 9), 2, tiny_encoder, tiny_decoder)
    message = r"EnergyVAE batches .* of the shape \(n, 1, 8, 9\), got the shape \(24, 1, 8, 8\)"
    with pytest.raises(TrainingError, match=message):
        quiet_trainer(tmp_path).fit(model, TinyImages(batch_size=24))


def test_a_loss_that_is_not_finite_stops_before_anything_is_lost(tmp_path: Path) -> None:
    model = tiny_energy_vae(optimizer=partial(torch.optim.SGD, lr=1e30))
    save = ModelCheckpoint(tmp_path, every_n_train_steps=1, save_top_k=-1, filename="{step}")
    trainer = quiet_trainer(tmp_path, enable_checkpointing=True, callbacks=[save])
    with pytest.raises(TrainingError, match=r"must be finite, got loss .* after step 1"):
        trainer.fit(model, TinyImages(batch_size=24))
    assert [path.name for path in tmp_path.glob("*.ckpt")] == ["step=1.ckpt"]


def test_table_rows_are_not_squashed() -> None:

    model = EnergyVAE((5,), 2, tiny_encoder, tiny_decoder)
    z = 100 * torch.randn(4, 2)
    assert model.decode(z).shape == (4, 5)
    assert torch.equal(model.decode(z), model.decoder(z))


@pytest.mark.parametrize(
    "scheduler",
    [
        partial(torch.optim.lr_scheduler.StepLR, step_size=1, gamma=0.5),
        partial(torch.optim.lr_scheduler.OneCycleLR, max_lr=1e-2, total_steps=5),  # moves betas too
    ],
)
def test_a_resumed_scheduled_run_equals_the_uninterrupted_one(
    scheduler: partial[torch.optim.lr_scheduler.LRScheduler], tmp_path: Path
) -> None:
    seed_everything(3)
    save = ModelCheckpoint(tmp_path, every_n_train_steps=1, save_top_k=-1, filename="{step}")
    whole = tiny_energy_vae(scheduler=scheduler)
    trainer = quiet_trainer(tmp_path, max_epochs=3, enable_checkpointing=True, callbacks=[save])
    trainer.fit(whole, TinyImages(batch_size=24))
    resumed = tiny_energy_vae(scheduler=scheduler)
    again = quiet_trainer(tmp_path, max_epochs=3)
    again.fit(resumed, TinyImages(batch_size=24), ckpt_path=str(tmp_path / "step=5.ckpt"))
    left, right = (t.optimizers[0].param_groups[0] for t in (trainer, again))
    assert {k: v for k, v in left.items() if k != "params"} == {
        k: v for k, v in right.items() if k != "params"
    }
    assert left["lr"] != 1e-3
    assert same_weights(weights(whole), weights(resumed))


def test_a_scheduler_that_the_checkpoint_has_not_starts_anew(tmp_path: Path) -> None:
    first = quiet_trainer(tmp_path)
    first.fit(tiny_energy_vae(), TinyImages(batch_size=24))
    first.save_checkpoint(tmp_path / "first.ckpt")
    cycle = partial(torch.optim.lr_scheduler.OneCycleLR, max_lr=1e-2, total_steps=5)
    resumed = quiet_trainer(tmp_path, max_epochs=2)
    model = tiny_energy_vae(scheduler=cycle, optimizer=partial(torch.optim.Adam, lr=0.5))
    resumed.fit(model, TinyImages(batch_size=24), ckpt_path=str(tmp_path / "first.ckpt"))
    twin = torch.optim.Adam(tiny_energy_vae().parameters(), lr=0.5)
    schedule = cycle(twin)
    twin.step()
    schedule.step()
    assert resumed.optimizers[0].param_groups[0]["lr"] == twin.param_groups[0]["lr"]


def test_a_scheduler_that_waits_for_a_metric_is_refused() -> None:
    model = tiny_energy_vae(scheduler=torch.optim.lr_scheduler.ReduceLROnPlateau)
    with pytest.raises(ValueError, match="`scheduler` must depend on the number of its steps"):
        model.configure_optimizers()


def test_lost_weights_do_not_replace_the_last_good_checkpoint(tmp_path: Path) -> None:
    class Losing(Callback):
        def on_train_batch_end(self, trainer: Trainer, *_: object) -> None:
            if trainer.global_step == 6:  # the last step of the second epoch
                trainer.lightning_module.decoder[0].weight.data[0, 0] = math.nan

    model = tiny_energy_vae()
    save = ModelCheckpoint(tmp_path, filename="last", save_on_train_epoch_end=True)
    trainer = quiet_trainer(
        tmp_path, max_epochs=2, enable_checkpointing=True, callbacks=[Losing(), save]
    )
    data = TinyImages(batch_size=24, num_validation=0)  # nothing else looks at the weights
    with pytest.raises(
        TrainingError, match=r"weights must be finite .* 'decoder\.0\.weight' after"
    ):
        trainer.fit(model, data)
    (kept,) = tmp_path.glob("*.ckpt")
    saved = torch.load(kept, weights_only=True)
    assert saved["epoch"] == 0
    assert all(value.isfinite().all() for value in saved["state_dict"].values())


def test_pixels_on_a_device_are_checked_only_once_in_training() -> None:
    model = tiny_energy_vae()
    images = torch.empty((2, *model.image_shape), device="meta")  # to look at them is an error
    with pytest.raises(RuntimeError, match="meta"):
        model.check_pixels(images)
    with pytest.raises(TrainingError, match=r"pixels must be in \[0, 1\]"):
        model.check_pixels(torch.full((2, *model.image_shape), 1.5))
    model.check_pixels(torch.zeros(2, *model.image_shape))
    model.check_pixels(images)  # not the first ones
    with pytest.raises(RuntimeError, match="meta"):
        model.eval().check_pixels(images)
