"""Environment variables are used, and kept as they were written."""

from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from omegaconf import OmegaConf

from configuration.environment import (
    forget_environment,
    hide_environment,
    keep_as_written,
    note_environment,
    text_as_written,
)

WRITTEN: dict[str, Any] = {
    "a": "${oc.env:HAWC_SECRET}",
    "b": {
        "text": "https://me:${oc.env:HAWC_SECRET}@host",
        "list": ["${...a}", 1, "${oc.env:HAWC_UNSET,other}", "${oc.decode:${oc.env:HAWC_ONE}}"],
        "part": "${..c}",
        "chosen": "${oc.select:fit.a}",
    },
    "c": {"inner": "${..a}", "rate": 3},
    "rate": "${.c.rate}",
    "escaped": r"\${oc.env:HAWC_SECRET}",
    "one": 1,
    "absent": "${oc.env:HAWC_SECRET}",
}


@pytest.fixture(autouse=True)
def variables(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("HAWC_SECRET", "hunter22")
    monkeypatch.setenv("HAWC_ONE", "1")
    monkeypatch.delenv("HAWC_UNSET", raising=False)
    forget_environment()
    yield
    forget_environment()


def test_values_are_kept_as_written_by_their_place() -> None:
    note_environment(yaml.safe_dump({"fit": WRITTEN}), "fit")
    resolved: Any = OmegaConf.to_container(OmegaConf.create({"fit": WRITTEN}), resolve=True)
    content = resolved["fit"]
    assert content["b"]["text"] == "https://me:hunter22@host"
    content["absent"] = None
    keep_as_written(content)
    assert "hunter22" not in str({**content, "escaped": ""})
    kept = {**WRITTEN, "absent": None, "rate": 3, "escaped": "${oc.env:HAWC_SECRET}"}
    assert content == kept
    content = {"fit": {"a": "hunter22", "rate": 3}}
    assert yaml.safe_load(text_as_written(yaml.safe_dump(content), "fit"))["fit"] == {
        "a": "${oc.env:HAWC_SECRET}",
        "rate": 3,
    }
    assert "hunter22" not in text_as_written("a: hunter22", None)


def test_a_configuration_without_variables_is_unchanged() -> None:
    note_environment("fit: {a: 1, b: '${a}', broken: '${oc.nothing:1}', missing: '${x}'}", "fit")
    note_environment("fit: {a: 1}", "fit")
    assert text_as_written("fit: {a: 1, b: 1}", "fit") == "fit: {a: 1, b: 1}"


def test_messages_name_the_variable() -> None:
    note_environment(yaml.safe_dump({"fit": WRITTEN}), "fit")
    assert hide_environment("got hunter22; 1 of 1") == "got ${oc.env:HAWC_SECRET}; 1 of 1"
    assert hide_environment("hunter221") == "hunter221"
    forget_environment()
    assert hide_environment("got hunter22") == "got hunter22"
