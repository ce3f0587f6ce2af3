"""A bug of the router, as the log tells it: which error, and where; never what it was about.

A message or a whole trace may hold a key or the policy's text, which belong in no log.
"""

from __future__ import annotations

from pathlib import PurePosixPath

MAX_FRAMES = 4  # the innermost: enough to find the line


def described(error: BaseException) -> dict[str, object]:
    """`error` and `at`: the error's type, and lines of code, the innermost first."""
    places: list[str] = []
    frame = error.__traceback__
    while frame is not None:
        code = frame.tb_frame.f_code
        places.append(f"{PurePosixPath(code.co_filename).name}:{frame.tb_lineno} {code.co_name}")
        frame = frame.tb_next
    return {"error": type(error).__name__, "at": places[: -MAX_FRAMES - 1 : -1]}
