"""The nearest texts, also of prompts of thousands of characters."""

import time

import pytest

from hawc.history.storage.nearest import excerpt, first_difference, nearest

PROMPT = "a cat \N{CAT}\non the roof of a house, at night, " * 50


@pytest.mark.parametrize("prompt", [PROMPT, "\u8c93" * 300 + "\u5c4b" * 300])
def test_a_typo_in_a_long_prompt_is_recognized(prompt: str) -> None:
    middle = len(prompt) // 2
    typo = f"{prompt[:middle]}x{prompt[middle + 1 :]}"
    assert nearest(typo, ["a dog", prompt, "z" * 2000], 1) == [prompt]


def test_most_similar_first() -> None:
    words = "one two three four five six seven eight nine ten eleven twelve thirteen"
    others = [words.replace("two", "2").replace("five", "5"), words.replace("two", "2"), "x" * 99]
    assert nearest(words, others, 3) == [others[1], others[0]]
    assert nearest("a cut", ["zoo", "a cat"], 2) == ["a cat"]


def test_a_thousand_long_prompts_take_little_time() -> None:
    others = [PROMPT.replace("house", f"house {i}") for i in range(1000)]
    start = time.process_time()
    assert len(nearest(PROMPT, others, 3)) == 3
    assert time.process_time() - start < 5


def test_an_excerpt_shows_the_place_of_interest() -> None:
    assert excerpt("a 'cat'") == "\"a 'cat'\""
    assert excerpt("x" * 400) == f"'{'x' * 57}'... (400 characters)"
    typo = PROMPT[:600] + "HOUSE" + PROMPT[600:]
    place = first_difference(PROMPT, typo)
    assert place == 600
    assert "HOUSE" in excerpt(typo, place)
    assert excerpt(typo, place).startswith("...'")
    assert excerpt("x" * 99 + "end", 102).endswith("end' (102 characters)")
