"""A module knows whether it is being trained."""

from pathlib import Path

from lightning import Callback, LightningModule, Trainer

from lightning_modules.attachment import attached_trainer, is_fitting
from tests.helpers import TinyImages, quiet_trainer, tiny_energy_vae


def test_a_module_by_itself() -> None:
    model = tiny_energy_vae()
    assert attached_trainer(model) is None
    assert not is_fitting(model)


def test_a_module_in_a_trainer_s_hands(tmp_path: Path) -> None:
    seen: list[tuple[bool, bool]] = []

    class Look(Callback):
        def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
            seen.append((attached_trainer(pl_module) is trainer, is_fitting(pl_module)))

    model, data = tiny_energy_vae(), TinyImages(batch_size=24)
    trainer = quiet_trainer(tmp_path, limit_train_batches=1, callbacks=[Look()])
    trainer.fit(model, data)
    trainer.test(model, data, verbose=False)
    assert seen == [(True, True), (True, False)]
