"""The dev server's port: taken is one line, free is free."""

from __future__ import annotations

import socket

import pytest

from router.dev.layout import SetupError
from router.dev.loopback import HOST, free_port, refuse_taken


def test_a_taken_port_is_one_line() -> None:
    with socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SetupError, match=f"port {port} is taken"):
            refuse_taken(port)


def test_a_free_port_is_not_taken() -> None:
    refuse_taken(free_port())
