"""Features describe rows without latents by a fixed repr."""

import pytest

from hawc.samplers import Features, LatentsWithFeatures
from hawc.targets import StandardNormal


def test_the_repr_names_dimension_and_network() -> None:
    assert repr(Features(3)) == "Features(dim=3)"
    assert repr(Features(3, "dino v2")) == "Features(dim=3, name='dino v2')"
    assert Features(3).num_features == 3


def test_they_stand_for_a_distribution_that_is_not_fixed() -> None:
    rows = LatentsWithFeatures(StandardNormal(2), Features(3))
    assert (rows.dim, rows.num_features, rows.fingerprint()) == (5, 3, {})


@pytest.mark.parametrize(("dim", "name"), [(0, ""), (2.0, ""), (True, ""), (2, None), (2, 5)])
@pytest.mark.usefixtures("no_shape_checks")
def test_refuses_other_values(dim: int, name: str) -> None:
    with pytest.raises(ValueError, match=r"`(dim|name)` must be"):
        Features(dim, name)
