"""Settings of all tests."""

from __future__ import annotations

from hypothesis import settings

from tests.examples import DEFAULT, examples

settings.register_profile("ours", examples(DEFAULT))
settings.load_profile("ours")
