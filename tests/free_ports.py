"""Ports on which no process listens."""

import random
import socket

__all__ = ["free_ports", "is_free"]


def free_ports(number: int) -> list[int]:
    """Returns ports that are free, below those that systems give to connections.

    They do not depend on the process's seed, which parallel test processes share.
    """
    found: list[int] = []
    for port in random.SystemRandom().sample(range(20_000, 30_000), 1000):
        if is_free(port):
            found.append(port)
        if len(found) == number:
            return found
    raise RuntimeError("no free port")


def is_free(port: int) -> bool:
    """Whether this machine can listen at a port."""
    with socket.socket() as probe:
        try:
            probe.bind(("", port))
        except OSError:
            return False
    return True
