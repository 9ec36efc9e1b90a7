"""The growing buffer: contents, number of moves, spare capacity."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from hawc.history.point_buffer import PointBuffer


@given(st.lists(st.integers(0, 40), max_size=8), st.integers(1, 4))
def test_holds_all_rows(sizes: list[int], dim: int) -> None:
    buffer = PointBuffer(dim)
    batches = [torch.full((size, dim), float(i)) for i, size in enumerate(sizes)]
    for batch in batches:
        buffer.append(batch)
    assert len(buffer) == sum(sizes)
    assert torch.equal(buffer.view(), torch.cat([torch.empty(0, dim), *batches]))


def test_moves_rarely_and_has_a_quarter_to_spare() -> None:
    buffer, places = PointBuffer(2), set()
    for _ in range(10_000):
        buffer.append(torch.ones(1, 2))
        places.add(buffer.view().data_ptr())
        capacity = buffer.view().untyped_storage().nbytes() // (2 * 8)
        assert capacity <= max(16, 1.25 * len(buffer))
    # 1.25^29 = 646 = 10,000 / 15.5; some more by rounding down at the start
    assert len(places) <= 35


def test_a_large_first_batch_has_no_spare_capacity() -> None:
    buffer = PointBuffer(2)
    buffer.append(torch.ones(1000, 2))
    assert buffer.view().untyped_storage().nbytes() == 1000 * 2 * 8


def test_the_first_rows_set_the_dtype() -> None:
    buffer = PointBuffer(2)
    buffer.append(torch.ones(1, 2, dtype=torch.float32))
    buffer.append(torch.ones(1, 2, dtype=torch.float64))
    assert buffer.dtype == buffer.view().dtype == torch.float32


def test_rows_are_on_the_cpu_for_any_default_device() -> None:
    with torch.device("meta"):
        buffer = PointBuffer(2)
        assert buffer.view().device.type == "cpu"
        buffer.append(torch.ones(3, 2, device="cpu"))
        assert buffer.view().tolist() == [[1, 1]] * 3


def test_forgotten_rows_are_nan_and_earlier_views_stay() -> None:
    buffer = PointBuffer(2)
    buffer.append(torch.ones(4, 2))
    before = buffer.view()
    buffer.forget([])
    assert buffer.view().data_ptr() == before.data_ptr()
    buffer.forget([0, 3])
    buffer.append(torch.zeros(1, 2))
    assert buffer.view().isnan().all(dim=1).tolist() == [True, False, False, True, False]
    assert torch.equal(before, torch.ones(4, 2))


def test_widened_rows_begin_with_nan() -> None:
    buffer = PointBuffer(2, torch.float32)
    assert buffer.widened(3).view().shape == (0, 3)
    buffer.append(torch.ones(4, 2))
    wider = buffer.widened(3)
    assert wider.view().dtype == torch.float32
    assert bool(wider.view()[:, 0].isnan().all())
    assert torch.equal(wider.view()[:, 1:], buffer.view())
