"""Plain attributes take a short way; what a module keeps in its tables does not."""

from typing import Any

import pytest
import torch
from lightning import LightningModule
from torch import nn

from lightning_modules.alternating import AbstractAlternating
from lightning_modules.one_loss import AbstractOneLoss
from lightning_modules.plain_attributes import AbstractPlainAttributes


class Module(AbstractPlainAttributes):
    def __init__(self) -> None:
        super().__init__()
        self.count = 0
        self.weight = nn.Parameter(torch.zeros(2))
        self.inner: nn.Module | None = nn.Linear(1, 1)


def test_plain_values_are_set(monkeypatch: pytest.MonkeyPatch) -> None:
    module = Module()
    asked: list[str] = []
    monkeypatch.setattr(nn.Module, "__setattr__", lambda _self, name, _value: asked.append(name))
    for value in (1, 2.5, True, None, "words"):
        module.count = value  # type: ignore[assignment]
        assert module.count == value
    assert asked == []


def test_tables_are_kept() -> None:
    module = Module()
    with pytest.raises(TypeError, match="cannot assign 'float' as parameter 'weight'"):
        module.weight = 1.0  # type: ignore[assignment]
    module.inner = None
    assert module.inner is None
    assert [name for name, _ in module.named_parameters()] == ["weight"]
    module.count = nn.Parameter(torch.ones(1))  # type: ignore[assignment]
    assert [name for name, _ in module.named_parameters()] == ["weight", "count"]
    module.new = 3
    assert module.new == 3


@pytest.mark.parametrize("base", [AbstractAlternating, AbstractOneLoss])
def test_models_take_it_before_lightning(base: Any) -> None:
    assert base.__mro__.index(AbstractPlainAttributes) < base.__mro__.index(LightningModule)


def test_lightning_has_no_way_of_its_own() -> None:
    assert LightningModule.__setattr__ is nn.Module.__setattr__  # or it would be passed over
