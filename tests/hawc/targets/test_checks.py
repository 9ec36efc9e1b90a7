from collections.abc import Callable

import pytest

from hawc.targets import AbstractTarget, StandardNormal, StudentT


@pytest.mark.parametrize("make", [StandardNormal, StudentT, StudentT.approximating_normal])
def test_rejects_a_dimension_below_one(make: Callable[[int], AbstractTarget]) -> None:
    with pytest.raises(ValueError, match="`dim` must be at least 1, got 0"):
        make(0)
