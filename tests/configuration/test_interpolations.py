"""Interpolations are refused by what they expand to; others are unchanged."""

from typing import Any

import pytest
import yaml
from omegaconf import OmegaConf
from omegaconf.errors import InterpolationResolutionError

from configuration.environment import note_environment
from configuration.interpolations import bounded_expansion


def chain(part: Any, last: Any = "word") -> dict[str, Any]:
    """Returns 40 values that each refer to the next one by `part`."""
    links = {f"x{n}": _numbered(part, n + 1) for n in range(40)}
    return {"fit": {**links, "x40": last}}


def _numbered(part: Any, number: int) -> Any:
    if isinstance(part, dict):
        return {key: _numbered(value, number) for key, value in part.items()}
    if isinstance(part, list):
        return [_numbered(value, number) for value in part]
    return part.replace("*", f"fit.x{number}")


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "content",
    [
        chain("${*}${*}"),
        chain("${oc.select:*}${oc.select:*}"),
        chain(["${*}", "${*}"]),
        chain({"a": "${*}", "b": "${*}"}, {"a": 1}),
        {"fit": {"a": "x" * 99_000, "b": ["${fit.a}"] * 11}},
        {"fit": {"a": list(range(9_000)), "b": [{"c": "${fit.a}"}] * 60}},
    ],
)
def test_what_expands_to_too_much_is_refused(content: dict[str, Any]) -> None:
    with pytest.raises(InterpolationResolutionError, match="more than 1,000,000 values and char"):
        note_environment(yaml.safe_dump(content), "fit")


def test_ordinary_ones_pass_and_later_ones_are_not_counted() -> None:
    long = {"a": "x" * 600_000, "b": "${a}"}
    for _ in range(3):
        with bounded_expansion():
            assert len(OmegaConf.create(long).b) == 600_000
    config = OmegaConf.create(long)
    assert all(len(config.b) == 600_000 for _ in range(3))
