"""What is not finite stops a run, in words that say where."""

import pytest
import torch

from lightning_modules import TrainingError
from lightning_modules.base import finite
from lightning_modules.base.finite import LossWatch, check_finite_weights


def test_finite_losses_pass() -> None:
    losses = {"loss": torch.tensor(1e30), "other": torch.tensor(torch.inf)}
    watch = LossWatch()
    watch.look(losses, "step 3", is_read=True)
    watch.check("step 3")


@pytest.mark.parametrize("lost", ["nan", "inf", "-inf"])
@pytest.mark.parametrize("is_read", [True, False])
def test_every_term_of_a_lost_loss_is_named(lost: str, is_read: bool) -> None:
    loss = torch.tensor(float(lost), requires_grad=True)
    terms = {"loss": loss, "kl": torch.tensor([2.0, 3.0])}
    with pytest.raises(TrainingError, match=f"got loss {lost}, kl 2.5 after step 3; try a lower"):
        LossWatch().look(terms, "step 3", is_read=is_read)


def test_a_device_is_asked_only_for_what_is_read() -> None:
    losses = {"loss": torch.empty((), device="meta")}  # has no number: to ask is an error
    watch = LossWatch()
    watch.look(losses, "step 3", is_read=False)
    with pytest.raises(RuntimeError, match="meta"):
        watch.look(losses, "step 4", is_read=True)


def test_a_device_remembers_a_loss_that_nobody_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finite, "_answers_at_once", lambda _: False)  # as on a GPU
    watch = LossWatch()

    def lose_one() -> None:
        for value in (1.0, torch.inf, 2.0):
            watch.look({"loss": torch.tensor(value)}, "step 3", is_read=False)

    lose_one()
    found = r"got one that is not, in this step or one before"
    with pytest.raises(TrainingError, match=rf"{found} \(now loss 4\), after step 6;"):
        watch.look({"loss": torch.tensor(4.0)}, "step 6", is_read=True)
    watch.check("step 6")  # what was said is not said of another training
    lose_one()
    with pytest.raises(TrainingError, match=rf"{found}, after step 6;"):
        watch.check("step 6")  # before a checkpoint is written


def test_lost_weights_are_named() -> None:
    check_finite_weights({"state_dict": {"a": torch.ones(2)}}, "step 1")
    weights = {"a": torch.ones(2), "b.weight": torch.tensor([1.0, torch.nan])}
    with pytest.raises(TrainingError, match=r"NaN or infinity in 'b\.weight' after step 7"):
        check_finite_weights({"state_dict": weights}, "step 7")
