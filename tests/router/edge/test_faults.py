"""What the log tells of a bug: enough to find it, and nothing of what it was about."""

from __future__ import annotations

from router.edge.runtime.faults import described


def deeper(text: str) -> None:
    if text:
        raise KeyError(text)


def test_where_and_what_kind_but_not_what() -> None:
    try:
        deeper("s3cret")
    except KeyError as error:
        told = described(error)
    assert told["error"] == "KeyError"
    assert isinstance(told["at"], list)
    assert told["at"][0].endswith(" deeper")
    assert told["at"][0].startswith("test_faults.py:")
    assert "s3cret" not in str(told)
