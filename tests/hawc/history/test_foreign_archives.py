"""Files that could be exports of a history, but for one array."""

import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hawc.history import MemoryHistory, import_history


def arrays(**changed: Any) -> dict[str, Any]:
    """Returns the arrays of a file with two rows, of latents and features, with changes."""
    known: dict[str, Any] = {
        **{"format": "hawc history 2", "points": np.ones((2, 5)), "target": "", "gallery": ""},
        **{"condition": "", "num_features": 3, "notes": "{}", "candidates": np.ones((1, 3))},
    }
    return {name: value for name, value in {**known, **changed}.items() if value is not None}


def refuse(path: Path) -> None:
    """Checks that a file is refused in one line, and changes nothing."""
    history = MemoryHistory()
    with pytest.raises(ValueError, match=r"`path` must name a complete file of expo[^\n]*$") as it:
        import_history(path, history)
    assert len(str(it.value)) < 500
    assert len(history) == 0
    assert len(history.candidates()) == 0


def no_character() -> np.ndarray:
    return np.frombuffer(b"\xff\xff\xff\x7f", "U1").reshape(())


CHANGES: dict[str, dict[str, Any]] = {
    **{f"without {name}": {name: None} for name in arrays() if name != "format"},
    "points of text": {"points": np.array([["1", "2"]])},
    "points of objects": {"points": np.array([[{}]], dtype=object)},
    "complex points": {"points": np.ones((2, 5), complex)},
    "points of whole numbers": {"points": np.ones((2, 5), int)},
    "long double points": {"points": np.ones((2, 5), np.longdouble)},
    "points of another byte order": {"points": np.ones((2, 5), ">f8")},
    "points of one dimension": {"points": np.ones(5)},
    "points without coordinates": {"points": np.ones((2, 0)), "num_features": 0},
    "partly NaN": {"points": np.array([[np.nan, 1, 1, 1, 1]])},
    "NaN at the end": {"points": np.array([[1, 1, 1, 1, np.nan]])},
    "infinite": {"points": np.full((2, 5), np.inf)},
    "too many features": {"num_features": 6},
    "a negative number of features": {"num_features": -1},
    "features of text": {"num_features": "3"},
    "many numbers of features": {"num_features": [3, 3]},
    "a fraction of features": {"num_features": 3.5},
    "candidates of another width": {"candidates": np.ones((1, 4))},
    "candidates of NaN": {"candidates": np.full((1, 3), np.nan)},
    "candidates of text": {"candidates": "text"},
    "notes of numbers": {"notes": 1},
    "notes that are no JSON": {"notes": "{"},
    "notes as a list": {"notes": "[]"},
    "deep notes": {"notes": "[" * 10**5},
    "deep metadata": {"notes": '{"0": {"metadata": {"a": ' + "[" * 900 + "]" * 900 + "}, 'b': 1}}"},
    "notes of no row": {"notes": '{"2": {}}'},
    "notes of a number": {"notes": '{"0": 1}'},
    "a seed of text": {"notes": '{"0": {"seed": "1"}}'},
    "a long number": {"notes": '{"0": {"seed": ' + "9" * 10**5 + "}}"},
    "a target that is no text": {"target": no_character()},
    "notes that are no text": {"notes": no_character()},
    "bytes": {"target": b"text"},
}


@pytest.mark.parametrize("changed", CHANGES.values(), ids=CHANGES)
def test_refuses_odd_arrays(changed: dict[str, Any], tmp_path: Path) -> None:
    np.savez(tmp_path / "rows.npz", **arrays(**changed))  # type: ignore[arg-type]
    refuse(tmp_path / "rows.npz")


def test_arrays_of_other_forms_pass(tmp_path: Path) -> None:
    points = np.asfortranarray(np.arange(10, dtype=np.float32).reshape(2, 5))
    np.savez(tmp_path / "rows.npz", **arrays(points=points))
    import_history(tmp_path / "rows.npz", history := MemoryHistory())
    assert np.array_equal(history.points().numpy(), points)


def header(descr: object, shape: object) -> bytes:
    text = repr({"descr": descr, "fortran_order": False, "shape": shape}).encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text


@pytest.mark.parametrize(
    "part",
    [
        header("<f8", (10**12, 5)),
        header("<f8", (10**18, 0)),
        header("<f8", (-1, -2)) + bytes(16),
        header("<f8", (2, 2)) + bytes(40),
        header("<U1000000000", ()),
        header("<f8", "text"),
        header([("a", "<f8")], (2, 2)) + bytes(32),
        b"\x93NUMPY\x01\x00" + (9000).to_bytes(2, "little") + b"[" * 9000,
        b"\x93NUMPY\x09\x00",
        b"",
    ],
)
def test_refuses_headers_that_claim_other_numbers(part: bytes, tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", **arrays(points=None))
    with zipfile.ZipFile(tmp_path / "a.npz", "a") as file:
        file.writestr("points.npy", part)
    refuse(tmp_path / "a.npz")


def test_refuses_compressed_and_encrypted_files(tmp_path: Path) -> None:
    exported = tmp_path / "a.npz"
    np.savez_compressed(exported, **arrays(points=np.zeros((10**6, 5))))  # type: ignore[arg-type]
    refuse(exported)
    np.savez(exported, **arrays())
    content = bytearray(exported.read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1
    exported.write_bytes(content)
    refuse(exported)


def test_refuses_what_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.npz")
    refuse(tmp_path / "pipe.npz")
    refuse(Path("/dev/zero"))
