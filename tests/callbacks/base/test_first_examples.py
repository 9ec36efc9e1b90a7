"""The first examples of the first pass, and no others."""

import torch

from callbacks.base.first_examples import FirstExamples


def batch(first: int, size: int) -> list[torch.Tensor]:
    numbers = torch.arange(first, first + size)
    return [numbers[:, None].float(), numbers]


def test_examples_of_several_batches() -> None:
    kept = FirstExamples(5, "validation")
    for first in (0, 3, 6):
        kept.add(batch(first, 3))
    examples = kept.examples()
    assert examples.images.flatten().tolist() == [0, 1, 2, 3, 4]
    assert examples.labels is not None
    assert examples.labels.tolist() == [0, 1, 2, 3, 4]
    assert examples.origin == "validation"


def test_a_second_pass_adds_nothing() -> None:
    kept = FirstExamples(5, "training")
    kept.end_pass()  # without a batch the next pass is still the first
    kept.add(batch(0, 3))
    kept.end_pass()
    kept.add(batch(0, 3))
    assert len(kept) == 3


def test_examples_are_copies() -> None:
    kept = FirstExamples(2, "training")
    delivered = batch(0, 2)
    kept.add(delivered)
    delivered[0].fill_(9)
    assert kept.examples().images.flatten().tolist() == [0, 1]


def test_labels_may_be_missing() -> None:
    for rest in ([], [torch.zeros(2, 4)], [["a", "caption"]], [{"mask": torch.zeros(2)}]):
        kept = FirstExamples(2, "training")
        kept.add([torch.zeros(2, 3), *rest])
        assert kept.examples().labels is None
        assert kept.examples().partners is None


def test_partners_of_another_domain_are_kept() -> None:
    kept = FirstExamples(3, "training")
    for first in (0, 2):
        (numbers, _) = batch(first, 2)
        kept.add([numbers, numbers + 10])
    examples = kept.examples()
    assert examples.labels is None
    assert examples.partners is not None
    assert examples.partners.flatten().tolist() == [10, 11, 12]
