"""The image of a row is made again, from its latent or its seed."""

from datetime import UTC, datetime
from typing import Any

import pytest
import torch

from hawc.history import Row


def row(**changes: Any) -> Row:
    fields: dict[str, Any] = {
        "id": 4,
        "gallery": "default",
        "condition": "a cat",
        "latent": None,
        "features": torch.ones(3),
        "seed": None,
        "generator_name": None,
        "metadata": {},
        "tags": (),
        "created": datetime.now(UTC),
    }
    return Row(**{**fields, **changes})


def test_decodes_its_latent_in_the_shape_of_the_decoder() -> None:
    latent = torch.arange(6.0)
    image = row(latent=latent, seed=3).decoded(lambda z: [z * 2, "not this"], (1, 2, 3))
    assert torch.equal(image, 2 * latent.reshape(1, 1, 2, 3))
    assert torch.equal(row(latent=latent).decoded(lambda z: z), latent)


def test_a_decoder_that_writes_to_its_input_does_not_change_the_row() -> None:
    given = row(latent=torch.ones(2))
    given.decoded(lambda z: z.zero_())
    assert given.latent is not None
    assert given.latent.tolist() == [1, 1]


def test_rows_are_equal_only_to_themselves() -> None:
    first, second = row(), row()
    assert first in {first}
    assert first in [second, first]
    assert first != second


def test_decodes_a_seed() -> None:
    assert row(seed=0).decoded(lambda seed: f"image {seed}") == "image 0"


def test_features_alone_cannot_be_made_again() -> None:
    with pytest.raises(ValueError, match="row 4 has neither a latent nor a seed, so its image can"):
        row().decoded(lambda z: z)


def test_is_printed_in_one_line() -> None:
    text = repr(row(latent=torch.zeros(16384), features=torch.zeros(768), tags=("good",)))
    assert text.startswith(
        "Row(id=4, gallery='default', condition='a cat', latent=<16384 numbers>, "
    )
    assert "features=<768 numbers>, seed=None" in text
    assert "tags=('good',)" in text
    assert "latent=None" in repr(row())
