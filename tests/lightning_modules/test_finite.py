"""What is not finite stops a run, in words that say where."""

import pytest
import torch

from lightning_modules import TrainingError
from lightning_modules.finite import check_finite_loss, check_finite_weights


def test_finite_losses_pass() -> None:
    check_finite_loss({"loss": torch.tensor(1e30), "other": torch.tensor(torch.inf)}, "step 3")


@pytest.mark.parametrize("lost", ["nan", "inf", "-inf"])
def test_every_term_of_a_lost_loss_is_named(lost: str) -> None:
    terms = {"loss": torch.tensor(float(lost), requires_grad=True), "kl": torch.tensor(2.5)}
    with pytest.raises(TrainingError, match=f"got loss {lost}, kl 2.5 after step 3; try a lower"):
        check_finite_loss(terms, "step 3")


def test_lost_weights_are_named() -> None:
    check_finite_weights({"state_dict": {"a": torch.ones(2)}}, "step 1")
    weights = {"a": torch.ones(2), "b.weight": torch.tensor([1.0, torch.nan])}
    with pytest.raises(TrainingError, match=r"NaN or infinity in 'b\.weight' after step 7"):
        check_finite_weights({"state_dict": weights}, "step 7")
