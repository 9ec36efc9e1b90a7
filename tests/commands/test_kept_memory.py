"""Freed memory is kept, unless the environment says what to do with it."""

import os
import platform
import subprocess
import sys

import pytest

from commands import kept_memory

COUNT_FAULTS = """
import resource, sys, torch
from commands.kept_memory import keep_freed_memory
done = keep_freed_memory() if sys.argv[1] == "keep" else None
def use():
    for _ in range(50):
        torch.ones(2**20)  # 4 MiB, 1,024 pages
use()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
use()
print(done, resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(word: str, **variables: str) -> tuple[str, int]:
    """Returns what was said and the page faults of 50 tensors in a process of its own."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    command = [sys.executable, "-c", COUNT_FAULTS, word]
    result = subprocess.run(
        command, env=clean | variables, capture_output=True, text=True, check=True
    )
    said, count = result.stdout.split()
    return said, int(count)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="needs glibc")
def test_memory_is_asked_for_once() -> None:
    # glibc moves its own threshold up to what was freed, but trims what lies on top of the heap
    _, without = faults("leave", MALLOC_MMAP_THRESHOLD_=str(2**20))
    said, kept = faults("keep")
    assert said == "True"
    assert kept < 100 < 10_000 < without


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="needs glibc")
def test_the_environment_has_precedence() -> None:
    said, count = faults("keep", MALLOC_MMAP_THRESHOLD_=str(2**20))
    assert said == "False"
    assert count > 10_000


def test_other_c_libraries_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("MALLOC_")]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(kept_memory.ctypes, "CDLL", lambda name: object())
    assert not kept_memory.keep_freed_memory()
