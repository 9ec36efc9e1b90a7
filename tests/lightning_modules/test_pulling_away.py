"""The pulling-away term against a double loop, its extremes, and what it refuses."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lightning_modules import TrainingError
from lightning_modules.pulling_away import pulling_away


@given(n=st.integers(2, 7), d=st.integers(1, 9), seed=st.integers(0, 1000))
def test_is_the_mean_squared_cosine_of_different_codes(n: int, d: int, seed: int) -> None:
    codes = torch.randn(n, d, generator=torch.Generator().manual_seed(seed))
    total = 0.0
    for i in range(n):
        for j in range(n):
            if i != j:
                length = float(codes[i].norm() * codes[j].norm())
                total += (float(codes[i] @ codes[j]) / length) ** 2
    # 1e-5: float32
    assert pulling_away(codes).item() == pytest.approx(total / (n * (n - 1)), abs=1e-5)


def test_extremes() -> None:
    assert pulling_away(torch.eye(4) * 3).item() == 0
    same = torch.tensor([[3.0, 4.0], [6.0, 8.0], [-3.0, -4.0]])
    assert pulling_away(same).item() == pytest.approx(1)  # opposite ones too: cosines are squared
    assert pulling_away(torch.tensor([[1.0, 0.0], [1.0, 1.0]])).item() == pytest.approx(0.5)


def test_length_of_codes_does_not_matter() -> None:
    codes = torch.randn(5, 3, generator=torch.Generator().manual_seed(0))
    lengths = torch.tensor([0.1, 2.0, 30.0, 1.0, 5.0])[:, None]
    assert pulling_away(codes * lengths).item() == pytest.approx(pulling_away(codes).item())


def test_a_zero_code_has_a_gradient_and_no_direction() -> None:
    codes = torch.zeros(2, 3, requires_grad=True)
    term = pulling_away(codes)
    term.backward()
    assert term.item() == 0
    assert codes.grad is not None
    assert codes.grad.isfinite().all()


def test_is_exact_under_autocast() -> None:
    codes = torch.randn(5, 3, generator=torch.Generator().manual_seed(0))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(pulling_away(codes), pulling_away(codes.clone()))
        inside = pulling_away(codes)
    assert torch.equal(inside, pulling_away(codes))


def test_codes_of_half_precision_are_compared_in_full() -> None:
    codes = torch.randn(5, 3, generator=torch.Generator().manual_seed(0)).bfloat16()
    term = pulling_away(codes)
    assert term.dtype == torch.float32
    assert torch.equal(term, pulling_away(codes.float()))


def test_one_code_alone() -> None:
    message = r"compares at least 2 pictures, got 1; raise `generator_batch_size` or set `pulling"
    with pytest.raises(TrainingError, match=message):
        pulling_away(torch.ones(1, 3))
