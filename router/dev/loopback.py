"""The loopback address, on which all local servers listen."""

from __future__ import annotations

import socket
import urllib.error
import urllib.request

from router.dev.layout import SetupError

HOST = "127.0.0.1"
# A request that never comes back must not hold up the wait for a ready server.
ANSWER_WITHIN = 10.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def refuse_taken(port: int) -> None:
    with socket.socket() as probe:
        # A port that was closed a moment ago is not taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise SetupError(
                f"port {port} is taken: stop what listens there, or choose another with --port"
            ) from error


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=ANSWER_WITHIN) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False
