"""Shape annotations with and without jaxtyping."""

import importlib.util
import sys

import jaxtyping
import pytest
from torch import Tensor

from networks import annotations


def test_shapes_are_those_of_jaxtyping_where_it_is_installed() -> None:
    assert (annotations.Float, annotations.Num) == (jaxtyping.Float, jaxtyping.Num)


def test_without_it_a_shape_is_a_tensor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jaxtyping", None)
    spec = importlib.util.spec_from_file_location("bare_annotations", annotations.__file__)
    assert spec is not None
    assert spec.loader is not None
    bare = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(bare)
    assert bare.Float[Tensor, "n c"] is Tensor
    assert bare.Num[Tensor, "..."] is Tensor
