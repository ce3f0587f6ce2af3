"""The tokens of a statement of SQL, as SQLite reads it."""

from __future__ import annotations

import re
from typing import NamedTuple

# SQLite's letters, which include everything beyond ASCII.
_WORD = r"[A-Za-z0-9_\x80-\U0010ffff][A-Za-z0-9_$\x80-\U0010ffff]*"
TOKEN = re.compile(
    r"(?P<space>[ \t\n\f\r]+|--[^\n]*|/\*.*?\*/)"
    r"|(?P<quoted>'[^']*(?:''[^']*)*'|\"[^\"]*(?:\"\"[^\"]*)*\"|`[^`]*(?:``[^`]*)*`|\[[^\]]*\])"
    rf"|(?P<word>{_WORD})"
    r"|(?P<end>;)"
    r"|(?P<open>\()|(?P<close>\))"
    r"|(?P<unended>/\*|['\"`\[])"
    r"|(?P<named>[$@#:])"
    r"|(?P<other>\?[0-9]*|.)",
    re.DOTALL,
)


class Token(NamedTuple):
    """`place`: where it begins in the statement; `kind`: the group of `TOKEN`."""

    text: str
    kind: str
    place: int

    @property
    def word(self) -> str:
        """The word in capitals; "" for another kind of token."""
        return self.text.upper() if self.kind == "word" else ""

    @property
    def is_name(self) -> bool:
        return self.kind in ("word", "quoted")
