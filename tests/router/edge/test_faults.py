"""What the log tells of a bug: enough to find it, and nothing of what it was about."""

from __future__ import annotations

from router.edge.runtime.faults import error_fields


def deeper(text: str) -> None:
    if text:
        raise KeyError(text)


def test_where_and_what_kind_but_not_what() -> None:
    try:
        deeper("s3cret")
    except KeyError as error:
        fields = error_fields(error)
    assert fields["error"] == "KeyError"
    assert isinstance(fields["at"], list)
    assert fields["at"][0].endswith(" deeper")
    assert fields["at"][0].startswith("test_faults.py:")
    assert "s3cret" not in str(fields)
