"""PyYAML's events for a whole text, several times as fast.

- The grammar is PyYAML's scanner and parser. Their slowest part, a call for each character, is
  replaced: regular expressions read whole runs of text, and a mark is an offset into the text,
  from which line and column are computed on demand.
- What a policy mostly consists of has a short way: keys of one word, entries of `[]` and `{}`, and
  values without anchor and tag. All else goes PyYAML's way.
- Their errors get clear messages, with the place where the error begins.
"""

from __future__ import annotations

import re
from typing import Any

from yaml import MarkedYAMLError, events, tokens
from yaml.parser import Parser
from yaml.scanner import Scanner, ScannerError

# Words of PyYAML's error, the message, and the hint; the first that fits is used.
_SYNTAX = (
    ("'\\t' that cannot", "a tab where YAML allows only spaces", "indent with spaces"),
    ("cannot start any", "no text can begin with this character", "put the text in quotes"),
    ("mapping values are not", "a `:` is not allowed here",
     "put text with `: ` in it in quotes, and check the indentation of this line"),
    ("find expected ':'", "this is not a `key: value`",
     "write a `:` and a space after the key, and check the indentation"),
    ("sequence entries are not", "a list item is not allowed here",
     "begin the list on a line of its own, every `- ` in the same column"),
    ("found unexpected", "these quotes are never closed", "close them"),
    ("double-quoted", "an invalid escape in double quotes",
     "use single quotes, in which a backslash has no special meaning"),
    ("scanning an a", "`*` or `&` without a name", "put text that begins with it in quotes"),
    ("block scalar", "only `+`, `-` or a digit can follow `|` and `>`",
     "begin the text on the next line, indented"),
    ("expected ',' or", "this bracket is not closed, or a comma is missing",
     "close it, and put text with any of `,[]{}` in it in quotes"),
    ("expected the node", "a value is missing here",
     "write one, and put text that begins with any of `,]}` in quotes"),
    ("expected <block", "this matches neither the previous value nor the indentation",
     "align the keys of a mapping, and put the whole text in quotes"),
    ("<document start>", "the policy has already ended", "remove what follows its end"),
    (" tag", "this is not a tag", "put text that begins with `!` in quotes"),
    ("", "this is not YAML", "check quotes, brackets and indentation here"),
)  # fmt: skip

MAX_KEY = 1024  # characters, by the specification (YAML 1.2.2, section 7.4)
QUOTES = 2  # characters around a text
MAX_TOKEN = 32 * 1024 * 1024  # characters; dialects that are read at the edge allow fewer

_RUN = r"(?:[^\0\t\n :]|:(?![\0\t\n ]))"
_RUN_IN_FLOW = r"(?:[^\0\t\n :,\[\]{}]|:(?![\0\t\n ,\[\]{}]))"
_LINE = [re.compile(rf"{run}++(?: ++(?!\#){run}++)*+") for run in (_RUN, _RUN_IN_FLOW)]
_KEY = [re.compile(rf"({run}{{1,1000}}+):(?=[\0\n ])") for run in (_RUN, _RUN_IN_FLOW)]
_KEY_IN_QUOTES = re.compile(r'"([^\0\n"\\]{0,1000}+)":(?=[\0\n ])')
_GAP = re.compile(r"[ \n]*+(?:#[^\0\n]*+[ \n]*+)*+")
_FOLD = re.compile(r" *+\n[ \n]*+")
_SEPARATOR = re.compile(r"(?:---|\.\.\.)[\0\t\n ]")
_QUOTED = {'"': re.compile(r'"([^\0\n"\\]*+)"'), "'": re.compile(r"'([^\0\n']*+)'(?!')")}
_ENDS = frozenset(",]}")  # of an entry in `[]` or `{}`
_IMPLICIT = {True: (True, False), False: (False, True)}  # of scalars, by whether they are plain
# Characters with which no token begins, or not always the same one.
_AMBIGUOUS = frozenset("\0\t-?:#&*!|>%@`.")


class TooLong(Exception):
    """A token has too many characters; it begins at `begin`."""

    def __init__(self, begin: int) -> None:
        super().__init__(begin)
        self.begin = begin


class Events(Scanner, Parser):
    """PyYAML's events for a whole text whose lines end with `\\n`."""

    encoding = None

    def __init__(self, text: str, max_token: int = MAX_TOKEN) -> None:
        self.text = text + "\0"
        self._max_token = self._most = max_token  # characters; the end of the longest token
        self.index = self.line = self.column = 0
        self._looked = -1  # where keys were looked for that have become too long
        Scanner.__init__(self)
        Parser.__init__(self)

    def peek(self, index: int = 0) -> str:
        at = self.index + index
        if at > self._most:
            raise TooLong(self._most - self._max_token - QUOTES)
        return self.text[at]

    def prefix(self, length: int = 1) -> str:
        return self.text[self.index : self.index + length]

    def forward(self, length: int = 1) -> None:
        """Move on within the line."""
        self.index += length
        self.column += length

    def get_mark(self) -> Any:
        return self.index

    def scan_line_break(self) -> str:
        return "\n" if self.text[self.index] == "\n" and self._skip(self.index + 1) else ""

    def _skip(self, end: int) -> int:
        """Move on to `end`. Returns the number of line breaks on the way."""
        breaks = self.text.count("\n", self.index, end)
        if breaks:
            self.line += breaks
            self.column = end - self.text.rindex("\n", self.index, end) - 1
        else:
            self.column += end - self.index
        self.index = end
        return breaks

    def peek_token(self) -> Any:
        while not self.tokens or (self.possible_simple_keys and self.need_more_tokens()):
            self.fetch_more_tokens()
        return self.tokens[0]

    def need_more_tokens(self) -> bool:
        """Return whether a `:` may follow that makes the next token a key."""
        if self.done or not self.tokens:
            return not self.done
        if self._looked != self.index:
            self.stale_possible_simple_keys()
            self._looked = self.index
        return self.next_possible_simple_key() == self.tokens_taken

    def fetch_more_tokens(self) -> None:
        self.scan_to_next_token()
        if self.possible_simple_keys:
            self.stale_possible_simple_keys()
        if self.indent > self.column:
            self.unwind_indent(self.column)
        first = self.text[self.index]
        if first in _AMBIGUOUS:
            super().fetch_more_tokens()
        else:
            _FETCH.get(first, Events.fetch_plain)(self)

    def check_token(self, *choices: Any) -> bool:
        if not self.tokens or self.possible_simple_keys:
            self.peek_token()
        return isinstance(self.tokens[0], choices)

    def get_token(self) -> Any:
        if not self.tokens or self.possible_simple_keys:
            self.peek_token()
        self.tokens_taken += 1
        return self.tokens.pop(0)

    # Possible keys are in the order of the text, since those of a level are removed at its end.
    # PyYAML checks all of them for each token: a thousand, if a line opens a thousand brackets.
    def next_possible_simple_key(self) -> int | None:
        for key in self.possible_simple_keys.values():
            number: int = key.token_number
            return number
        return None

    def stale_possible_simple_keys(self) -> None:
        keys = self.possible_simple_keys
        while keys:
            level, key = next(iter(keys.items()))
            if key.line == self.line and self.index - key.index <= MAX_KEY:
                return
            if key.required:
                message, here = "could not find expected ':'", self.get_mark()
                raise ScannerError("while scanning a simple key", key.mark, message, here)
            del keys[level]

    def scan_to_next_token(self) -> None:
        gap = _GAP.match(self.text, self.index) if self.text[self.index] in " \n#" else None
        if gap and self._skip(gap.end()) and not self.flow_level:
            self.allow_simple_key = True
        self._most = self.index + self._max_token + QUOTES

    def fetch_plain(self) -> None:
        """Read a key of one word together with its `:`; else a text that may become a key."""
        flow = self.flow_level > 0
        key = _KEY[flow].match(self.text, self.index) if self.allow_simple_key else None
        if key is not None:
            self._fetch_key(key, None)
        elif not (flow and self._fetch_entry()):
            super().fetch_plain()

    def fetch_double(self) -> None:
        quoted = _KEY_IN_QUOTES if self.allow_simple_key else None
        key = quoted.match(self.text, self.index) if quoted else None
        if key is None:
            super().fetch_double()
        else:
            self._fetch_key(key, '"')

    def _fetch_key(self, key: re.Match[str], style: str | None) -> None:
        start, flow = self.index, self.flow_level > 0
        self.remove_possible_simple_key()
        if not flow and self.add_indent(self.column):
            self.tokens.append(tokens.BlockMappingStartToken(start, start))
        self.forward(key.end() - start)
        self.allow_simple_key = False
        end = self.index - 1
        self.tokens += (
            tokens.KeyToken(start, start),
            tokens.ScalarToken(key[1], style is None, start, end, style),
            tokens.ValueToken(end, self.index),
        )

    def _fetch_entry(self) -> bool:
        """Read a plain text that is certainly no key, since an entry of `[]` or `{}` ends there."""
        start = self.index
        run = _LINE[True].match(self.text, start)
        if run is None or self.text[run.end()] not in _ENDS or run.end() > self._most:
            return False
        self.remove_possible_simple_key()
        self.forward(run.end() - start)
        self.allow_simple_key = False
        self.tokens.append(tokens.ScalarToken(run[0], True, start, self.index))
        return True

    def parse_node(self, block: bool = False, indentless_sequence: bool = False) -> Any:
        token = self.peek_token()
        if type(token) is not tokens.ScalarToken:
            return super().parse_node(block, indentless_sequence)
        self.get_token()
        self.state = self.states.pop()
        place = token.start_mark, token.end_mark, token.style
        return events.ScalarEvent(None, None, _IMPLICIT[token.plain], token.value, *place)

    def scan_plain(self) -> tokens.ScalarToken:
        start = end = self.index
        line = _LINE[self.flow_level > 0]
        chunks: list[str] = []
        fold = ""
        while match := line.match(self.text, self.index):
            chunks += (fold, match[0])
            end = match.end()
            self.forward(end - self.index)
            if end > self._most:
                raise TooLong(start)
            self.allow_simple_key = False
            gap = _FOLD.match(self.text, end)
            if gap is None:
                break
            fold = "\n" * (self._skip(gap.end()) - 1) or " "
            self.allow_simple_key = True
            if self.column <= self.indent and not self.flow_level:
                break
            if self.text[self.index] == "#" or self._at_separator():
                break
        return tokens.ScalarToken("".join(chunks), True, start, end)

    def explain(self, error: Exception) -> tuple[int, str, str]:
        """Return where a syntax error begins (or where it was noticed), a message and a hint."""
        if not isinstance(error, MarkedYAMLError):  # PyYAML does not check the result of an escape
            return self.index, "this escape is not a character", "write the character itself"
        text = f"{error.context}: {error.problem}"
        begin: Any = None if "block" in text else error.context_mark
        show: Any = error.problem_mark
        message, hint = next(row[1:] for row in _SYNTAX if row[0] in text)
        return show if begin is None else begin, message, hint

    def _at_separator(self) -> bool:
        return not self.column and _SEPARATOR.match(self.text, self.index) is not None

    def scan_flow_scalar(self, style: str) -> tokens.ScalarToken:
        start = self.index
        match = _QUOTED[style].match(self.text, start)
        if match is None:
            token = super().scan_flow_scalar(style)
            # JSON escapes a character as a surrogate pair; a single half is a ValueError.
            token.value = token.value.encode("utf-16", "surrogatepass").decode("utf-16")
            return token
        if match.end() > self._most:
            raise TooLong(start)
        self.forward(match.end() - start)
        return tokens.ScalarToken(match[1], False, start, self.index, style)


_FETCH = {
    "[": Events.fetch_flow_sequence_start,
    "{": Events.fetch_flow_mapping_start,
    "]": Events.fetch_flow_sequence_end,
    "}": Events.fetch_flow_mapping_end,
    ",": Events.fetch_flow_entry,
    "'": Events.fetch_single,
    '"': Events.fetch_double,
}
