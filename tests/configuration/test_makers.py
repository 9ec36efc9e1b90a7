"""A configuration names functions of its user, and library functions that make parts."""

import functools
import os
import shutil
import subprocess
import webbrowser
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torchvision.models import get_model

from configuration.makers import check_maker


def annotated(width: int) -> nn.Module:
    raise AssertionError("called")


def factory(width: int) -> Callable[[Any], nn.Module]:
    raise AssertionError("called")


def own_kind() -> int:
    raise AssertionError("called")


def bare(width):  # type: ignore[no-untyped-def]
    raise AssertionError("called")


def anything() -> Any:
    raise AssertionError("called")


def unknown() -> "Nowhere":  # type: ignore[name-defined]  # noqa: F821
    raise AssertionError("called")


@functools.wraps(annotated)
def wrapped(*arguments: Any) -> Any:
    return annotated(*arguments)


@pytest.mark.parametrize(
    "function",
    [annotated, factory, own_kind, wrapped, functools.partial(annotated, 1), get_model],
)
def test_functions_that_say_what_they_make(function: Callable[..., Any]) -> None:
    check_maker(function)


@pytest.mark.parametrize(
    "function",
    [
        *(os.system, os.getcwd, exec, eval, subprocess.run, subprocess.check_output),
        *(shutil.rmtree, webbrowser.open, torch.load, torch.hub.load, open, print),
        *(pytest.main, os.path.join, torch.tensor, torch.manual_seed),
        *(functools.partial(os.system, "x"), (lambda: nn.Identity()), bare, anything, unknown),
    ],
)
def test_other_functions_are_refused_and_not_called(function: Callable[..., Any]) -> None:
    with pytest.raises(ImportError, match="does not say that it returns"):
        check_maker(function)
