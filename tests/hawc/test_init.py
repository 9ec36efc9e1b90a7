"""The front door: few names, and a light import."""

import subprocess
import sys

import pytest

import hawc
import hawc.history

HEAVY = ("sqlalchemy", "scipy.stats", "scipy.optimize", "lightning", "torchvision", "matplotlib")


@pytest.mark.parametrize("module", [hawc, hawc.history])
def test_all_names_are_there(module: object) -> None:
    assert all(getattr(module, name) is not None for name in module.__all__)  # type: ignore[attr-defined]
    with pytest.raises(AttributeError, match="has no attribute 'unknown'"):
        module.unknown  # type: ignore[attr-defined]  # noqa: B018


def test_import_loads_no_heavy_package() -> None:
    script = f"import sys, hawc; print(*(name for name in {HEAVY} if name in sys.modules))"
    command = [sys.executable, "-c", script]
    loaded = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert loaded == []
