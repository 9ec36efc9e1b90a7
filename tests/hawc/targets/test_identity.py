"""Parameters as text: equal for equal numbers in any storage, different for others."""

import hashlib
import struct

import torch
from hypothesis import given
from hypothesis import strategies as st

from hawc.targets.identity import as_text, digest, fingerprint

NUMBERS = st.lists(st.floats(allow_nan=False), min_size=1, max_size=12)


@given(NUMBERS, NUMBERS)
def test_names_agree_exactly_for_equal_numbers(first: list[float], second: list[float]) -> None:
    x, y = torch.tensor(first), torch.tensor(second)
    assert (as_text(x) == as_text(y)) == (first == second)
    assert (digest(x) == digest(y)) == (first == second)
    assert digest(x) == digest(x.clone())


def test_short_parameters_are_written_out() -> None:
    assert as_text(torch.tensor(0.1)) == "0.1"
    assert as_text(torch.tensor([0.1, 1.0], dtype=torch.float32)) == "[0.10000000149011612, 1.0]"
    assert as_text(torch.ones(2, 4)) == "[[1.0, 1.0, 1.0, 1.0], [1.0, 1.0, 1.0, 1.0]]"


def test_long_parameters_are_a_digest() -> None:
    values = torch.arange(9.0).reshape(3, 3)
    content = b"(3, 3)" + struct.pack("<9d", *range(9))
    expected = hashlib.sha256(content).hexdigest()[:12]
    assert digest(values) == expected
    assert as_text(values) == f"<3x3 sha256={expected}>"


def test_a_digest_is_of_the_numbers_not_of_their_storage() -> None:
    values = torch.arange(12.0).reshape(3, 4)
    stored = [values.float(), values.T.contiguous().T, values.clone().requires_grad_()]
    with torch.inference_mode():
        stored.append(values.clone())
    assert {digest(other) for other in stored} == {digest(values)}
    assert digest(torch.tensor([0.0])) == digest(torch.tensor([-0.0]))


def test_a_digest_knows_shapes_and_order() -> None:
    values = torch.arange(12.0)
    arrangements = [
        *((values,), (values.reshape(3, 4),), (values.reshape(4, 3),), (values.flip(0),)),
        *((values[:6], values[6:]), (values[:5], values[5:]), (values[6:], values[:6])),
    ]
    assert len({digest(*tensors) for tensors in arrangements}) == len(arrangements)


def test_a_digest_of_many_numbers_is_that_of_all() -> None:
    numbers = torch.arange(2.0**20 + 3)  # read in two parts
    content = f"({len(numbers)},)".encode() + numbers.numpy().astype("<f8").tobytes()
    assert digest(numbers) == hashlib.sha256(content).hexdigest()[:12]


def test_a_fingerprint_is_small_and_moves_with_the_numbers() -> None:
    for columns, width in ((3, 3), (64, 64), (2048, 64)):
        points = torch.randn(50, columns, generator=torch.Generator().manual_seed(0))
        weights = torch.full((50,), 1 / 50)
        first = torch.tensor(fingerprint(points, weights))
        assert first.shape == (9, width)
        single = torch.tensor(fingerprint(points.float(), weights))
        torch.testing.assert_close(single, first, rtol=1e-4, atol=1e-4)
        moved = points.clone()
        moved[:, -1] += 1  # a single coordinate
        assert not torch.allclose(first, torch.tensor(fingerprint(moved, weights)), atol=1e-2)


def test_a_fingerprint_has_the_mean_and_rows_of_the_points() -> None:
    points = torch.arange(30.0).reshape(15, 2)
    weights = torch.zeros(15)
    weights[3] = 1
    mean, *rows = fingerprint(points, weights)
    assert mean == [6, 7]
    assert rows == points[::2].tolist()
    assert fingerprint(points[:1], torch.ones(1)) == [[0, 1]] * 9
