"""Range checks of arguments."""

import pytest

from callbacks.base.checks import check_at_least


def test_the_first_too_small_number_is_named() -> None:
    check_at_least(1, num_examples=1, every_n_epochs=7)
    with pytest.raises(ValueError, match="`every_n_epochs` must be at least 1, got 0"):
        check_at_least(1, num_examples=1, every_n_epochs=0)
