"""Losses and weights that are not finite end the run, with the place in the message."""

import pytest
import torch

from lightning_modules import TrainingError
from lightning_modules.base import finite
from lightning_modules.base.finite import LossWatch, check_finite_weights


def test_finite_losses_pass() -> None:
    losses = {"loss": torch.tensor(1e30), "other": torch.tensor(torch.inf)}
    watch = LossWatch()
    watch.inspect(losses, "step 3", is_logged=True)
    watch.check("step 3")


@pytest.mark.parametrize("lost", ["nan", "inf", "-inf"])
@pytest.mark.parametrize("is_logged", [True, False])
def test_every_term_of_a_lost_loss_is_named(lost: str, is_logged: bool) -> None:
    loss = torch.tensor(float(lost), requires_grad=True)
    terms = {"loss": loss, "kl": torch.tensor([2.0, 3.0])}
    with pytest.raises(TrainingError, match=f"got loss {lost}, kl 2.5 after step 3; try a lower"):
        LossWatch().inspect(terms, "step 3", is_logged=is_logged)


def test_a_device_is_read_only_at_logged_steps() -> None:
    losses = {"loss": torch.empty((), device="meta")}  # has no number: to ask is an error
    watch = LossWatch()
    watch.inspect(losses, "step 3", is_logged=False)
    with pytest.raises(RuntimeError, match="meta"):
        watch.inspect(losses, "step 4", is_logged=True)


def test_a_device_records_a_lost_loss_until_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finite, "_is_read_at_once", lambda _: False)  # as on a GPU
    watch = LossWatch()

    def lose_one() -> None:
        for value in (1.0, torch.inf, 2.0):
            watch.inspect({"loss": torch.tensor(value)}, "step 3", is_logged=False)

    lose_one()
    found = r"got one that is not, in this step or one before"
    with pytest.raises(TrainingError, match=rf"{found} \(now loss 4\), after step 6;"):
        watch.inspect({"loss": torch.tensor(4.0)}, "step 6", is_logged=True)
    watch.check("step 6")  # what was said is not said of another training
    lose_one()
    with pytest.raises(TrainingError, match=rf"{found}, after step 6;"):
        watch.check("step 6")  # before a checkpoint is written


def test_lost_weights_are_named() -> None:
    check_finite_weights({"state_dict": {"a": torch.ones(2)}}, "step 1")
    weights = {"a": torch.ones(2), "b.weight": torch.tensor([1.0, torch.nan])}
    with pytest.raises(TrainingError, match=r"NaN or infinity in 'b\.weight' after step 7"):
        check_finite_weights({"state_dict": weights}, "step 7")
