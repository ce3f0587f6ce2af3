"""What a capability does not do, and why; the message is for whoever asked."""

from __future__ import annotations


class Refused(Exception):
    """The job cannot be done as it is asked for."""
