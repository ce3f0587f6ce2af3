"""wrangler: what its noise comes down to."""

from __future__ import annotations

import pytest

from router.dev.wrangler import last_error

NOISE = {
    "wrangler's error": (
        "Starting\n✘ [ERROR] The entry-point file was not found.\n\nIf you think this is a bug\n",
        "The entry-point file was not found.",
    ),
    "a traceback": (
        "✘ [ERROR] service core:user:x: Uncaught Error: PythonError: Traceback (most recent):\n\n"
        '    File "/session/entry.py", line 1, in <module>\n'
        "  ModuleNotFoundError: No module named 'nothing'\n    at null.<anonymous> (x:1:2)\n",
        "ModuleNotFoundError: No module named 'nothing'",
    ),
    "a build's, in colour": (
        "\x1b[31m✘ \x1b[41;31m[\x1b[41;97mERROR\x1b[41;31m]\x1b[0m Could not resolve\x1b[0m\n",
        "Could not resolve",
    ),
    "no error": ("Starting\nAddress already in use\n\n", "Address already in use"),
    "nothing": ("", "it said nothing"),
}


@pytest.mark.parametrize(("output", "line"), NOISE.values(), ids=NOISE.keys())
def test_the_line_that_says_what_went_wrong(output: str, line: str) -> None:
    assert last_error(output) == line
