"""An experiment that raises a given error, for tests of how the command line ends."""

import pytest

from commands import main


class Broken:
    """Replaces the experiment; raises a given error."""

    error: BaseException

    def __init__(self) -> None:
        raise self.error


def fail_with(status: int) -> None:
    with pytest.raises(SystemExit) as ended:
        main.run()
    assert ended.value.code == status
