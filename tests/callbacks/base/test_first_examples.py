"""The first examples of the first pass, and no others."""

import torch

from callbacks.base.first_examples import FirstExamples


def batch(first: int, size: int) -> list[torch.Tensor]:
    numbers = torch.arange(first, first + size)
    return [numbers[:, None].float(), numbers]


def test_items_of_several_batches() -> None:
    kept = FirstExamples(5, "validation")
    for first in (0, 3, 6):
        kept.add(batch(first, 3))
    examples = kept.items()
    assert examples.images.flatten().tolist() == [0, 1, 2, 3, 4]
    assert examples.labels is not None
    assert examples.labels.tolist() == [0, 1, 2, 3, 4]
    assert examples.origin == "validation"


def test_fewer_than_asked_are_not_filled_up_by_a_second_pass() -> None:
    kept = FirstExamples(5, "training")
    kept.end_pass()  # nothing was delivered: the pass to come is still the first
    kept.add(batch(0, 3))
    kept.end_pass()
    kept.add(batch(0, 3))
    assert len(kept) == 3


def test_items_are_copies() -> None:
    kept = FirstExamples(2, "training")
    delivered = batch(0, 2)
    kept.add(delivered)
    delivered[0].fill_(9)
    assert kept.items().images.flatten().tolist() == [0, 1]


def test_labels_may_be_missing_or_no_classes() -> None:
    for rest in ([], [torch.zeros(2, 4)], [["a", "caption"]], [{"mask": torch.zeros(2)}]):
        kept = FirstExamples(2, "training")
        kept.add([torch.zeros(2, 3), *rest])
        assert kept.items().labels is None
        assert kept.items().partners is None


def test_partners_of_another_domain_are_kept() -> None:
    kept = FirstExamples(3, "training")
    for first in (0, 2):
        (numbers, _) = batch(first, 2)
        kept.add([numbers, numbers + 10])
    examples = kept.items()
    assert examples.labels is None
    assert examples.partners is not None
    assert examples.partners.flatten().tolist() == [10, 11, 12]
