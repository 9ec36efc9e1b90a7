"""Where there is no GPU a step does not look for one in the driver's library."""

import os
from pathlib import Path

import lightning.fabric
import pytest
import torch
from lightning import LightningModule

from lightning_modules.driver_check import stop_driver_checks
from tests.helpers import TinyImages, quiet_trainer, tiny_energy_vae, tiny_wgan

VARIABLE = "PYTORCH_NVML_BASED_CUDA_CHECK"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[None]:
    """No GPU; grows each time NVML is asked for one."""
    calls: list[None] = []

    def count() -> int:
        calls.append(None)
        return 0

    monkeypatch.setenv(VARIABLE, "1")
    monkeypatch.setattr(torch.cuda, "device_count", count)
    return calls


def adam_step() -> None:
    weight = torch.nn.Parameter(torch.ones(()))
    weight.grad = torch.ones(())
    torch.optim.Adam([weight]).step()


@pytest.mark.skipif(not torch.backends.cuda.is_built(), reason="PyTorch without CUDA never asks")
def test_adam_asks_until_it_is_stopped(asked: list[None]) -> None:
    adam_step()
    assert asked, "PyTorch no longer asks: driver_check.py can go"
    stop_driver_checks()
    asked.clear()
    adam_step()
    assert not asked


def test_lightning_sets_the_variable() -> None:
    source = Path(lightning.fabric.__file__).read_text()
    assert VARIABLE in source, "Lightning no longer sets it: driver_check.py can go"


@pytest.mark.usefixtures("asked")
@pytest.mark.parametrize("make", [tiny_energy_vae, tiny_wgan])
def test_every_training_stops_it(tmp_path: Path, make: type[LightningModule]) -> None:
    quiet_trainer(tmp_path, limit_val_batches=0).fit(make(), TinyImages(batch_size=24))
    assert VARIABLE not in os.environ


@pytest.mark.usefixtures("asked")
def test_stays_where_there_is_an_accelerator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: True)
    stop_driver_checks()
    assert os.environ[VARIABLE] == "1"
