"""`gallery export`: a file that NumPy and `import_history` read."""

from pathlib import Path

import numpy as np
import pytest
import torch

from hawc import MemoryHistory
from hawc.history import import_history
from tests.hawc.gallery_commands.galleries import PROMPT, error_of, output_of, store_in


def test_the_rows_of_a_condition(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, file = store_in(tmp_path), tmp_path / "rows of it.npz"
    export = ("gallery", "export", path, "--gallery", "default", "--condition")
    text = output_of(capsys, *export, PROMPT, file)
    assert text.startswith("wrote 4 images of condition")
    assert np.array_equal(np.load(file)["points"], np.arange(12).reshape(4, 3))
    history = MemoryHistory(3)
    import_history(file, history)
    assert torch.equal(history.points(), torch.arange(12.0).reshape(4, 3).to(history.points()))


def test_refusals(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = store_in(tmp_path)
    export = ("gallery", "export", path, "--gallery", "default")
    assert "`--condition` must name" in error_of(capsys, *export, tmp_path / "x.npz")
    dog = (*export, "--condition", "a dog")
    assert "must end in '.npz'" in error_of(capsys, *dog, tmp_path / "x.txt")
    missing = tmp_path / "no where" / "x.npz"
    assert "cannot be written" in error_of(capsys, *dog, missing, status=1)
    assert list(tmp_path.iterdir()) == [path]
