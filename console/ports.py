"""Free ports for the processes of a local system."""

from __future__ import annotations

import secrets
import socket

#: Below the range from which kernels take the ports of outgoing connections, so that none of
#: those takes a port between the look and the listening.
LOWEST, HIGHEST = 20_000, 32_000
LOOPBACK = "127.0.0.1"


def free_ports(count: int) -> tuple[int, ...]:
    """Different ports that nobody listens on; drawn, so that two systems seldom draw the same."""
    found: set[int] = set()
    while len(found) < count:
        port = LOWEST + secrets.randbelow(HIGHEST - LOWEST)
        if _free(port):
            found.add(port)
    return tuple(found)


def _free(port: int) -> bool:
    """Whether one can listen on the port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True
