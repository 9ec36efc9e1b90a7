"""Latents get the shape, precision and batch size that a decoder asks for."""

import pytest
import torch

from hawc.samplers.latent_form import LatentForm


def test_gives_a_copy_in_shape_and_dtype() -> None:
    form = LatentForm.checked(12, (3, 2, 2), torch.float16, 4)
    z = torch.randn(5, 12)
    given = form.given(z)
    assert (given.shape, given.dtype) == ((5, 3, 2, 2), torch.float16)
    assert [len(part) for part in form.batches(z)] == [4, 1]
    same = LatentForm().given(z)
    assert same.data_ptr() != z.data_ptr()
    assert torch.equal(same, z)


def test_rounds_as_the_history_does(float64_by_default: None) -> None:
    torch.set_default_dtype(torch.float32)
    form = LatentForm(dtype=torch.float16)
    # float64 to half directly would round this tie differently than by way of float32
    z = torch.tensor([[1 + 2.0**-11 + 2.0**-40]], dtype=torch.float64)
    assert torch.equal(form.given(z), form.given(z.float()))


@pytest.mark.parametrize("shape", [(5,), (3, 4, 2), ()])
def test_rejects_a_shape_of_another_size(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"`latent_shape` must have 12 numbers"):
        LatentForm.checked(12, shape, None, 1)
