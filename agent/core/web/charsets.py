"""The charset of a body: by its byte order mark, else its content type, else its `<meta>`.

A `<meta>` counts in the first kilobyte of a page. One that names UTF-16 cannot be right, since it
could be read, and means UTF-8, as in HTML's standard.
"""

from __future__ import annotations

import re

USUAL = "utf-8"
SNIFFED = 1024  # bytes, that are read as Latin-1
BASE64 = "base64"  # for bodies that are not text; no page can name it
_MARKS = {"\xef\xbb\xbf": "utf-8", "\xfe\xff": "utf-16be", "\xff\xfe": "utf-16le"}
_PARAMETER = re.compile(r""";\s*charset\s*=\s*["']?([\w.:+-]{1,40})""", re.IGNORECASE)
_META = re.compile(r"""<meta\s[^>]{0,300}?charset\s*=\s*["']?([\w.:+-]{1,40})""", re.IGNORECASE)
_TEXTS = re.compile(r"text/.+|.+[/+](?:json|xml|javascript|yaml|x-www-form-urlencoded)|")


def media_type(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


def charset_of(content_type: str, start: str) -> str:
    """`start`: the beginning of the body as Latin-1."""
    for mark, charset in _MARKS.items():
        if start.startswith(mark):
            return charset
    named = _PARAMETER.search(content_type)
    if named:
        return USUAL if named[1].lower() == BASE64 else named[1].lower()
    meta = _META.search(start[:SNIFFED]) if "html" in content_type or not content_type else None
    found = meta[1].lower() if meta else USUAL
    return USUAL if found.startswith("utf-16") or found == BASE64 else found


def is_text(content_type: str, start: str) -> bool:
    """Whether a body is text, by its content type and its first bytes."""
    is_wide = start.startswith(("\xfe\xff", "\xff\xfe")) or "utf-16" in content_type.lower()
    return bool(_TEXTS.fullmatch(media_type(content_type))) and (is_wide or "\0" not in start)
