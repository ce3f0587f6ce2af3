"""What the log says of a bug of the router: the type of the error and where it was raised.

The message and the whole traceback are left out: they may hold a key or the policy's text.
"""

from __future__ import annotations

from pathlib import PurePosixPath

MAX_FRAMES = 4  # the innermost: enough to find the line


def error_fields(error: BaseException) -> dict[str, object]:
    """`error`: the type; `at`: places in the code, the innermost first."""
    places: list[str] = []
    frame = error.__traceback__
    while frame is not None:
        code = frame.tb_frame.f_code
        places.append(f"{PurePosixPath(code.co_filename).name}:{frame.tb_lineno} {code.co_name}")
        frame = frame.tb_next
    return {"error": type(error).__name__, "at": places[: -MAX_FRAMES - 1 : -1]}
