"""The capability `text-processing`: statistics of a text, its chunks, and what it contains.

`{"text": …, "operation": "statistics" | "chunk" | "extract", …}`. Chunks end between words where
possible, and may overlap, as models want them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable

from agent.core.fields import check_known, some_of, whole
from agent.core.refused import Refused
from workers_runtime.json_text import JsonObject

MAX_TEXT = 500_000  # characters
TOP = 10  # words
MAX_FOUND = 1_000  # of each kind
CHUNK = 1_000
MAX_CHUNKS, MAX_CHUNKED = 10_000, 2_000_000  # pieces, and characters of all: overlaps multiply
_WORD = re.compile(r"[^\W_]+(?:['\u2019-][^\W_]+)*")
_SENTENCE = re.compile(r"[^.!?…]+(?:[.!?…]+|$)")
FIELDS = {
    "statistics": ("text", "operation"),
    "chunk": ("text", "operation", "size", "overlap"),
    "extract": ("text", "operation", "kinds"),
}
KINDS = {
    "emails": re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}"),
    "urls": re.compile(r"https?://[^\s<>\"'\])}]+[^\s<>\"'\])}.,;:!?]"),
    "numbers": re.compile(r"(?<![\w.])-?\d{1,30}(?:\.\d{1,30})?(?![\w.]*\d)"),
    "hashtags": re.compile(r"(?<!\w)#\w{1,100}"),
}


def process_text(given: JsonObject) -> JsonObject:
    """Raises `Refused`."""
    text, operation = given.get("text"), given.get("operation", "statistics")
    if not isinstance(text, str):
        raise Refused("`text` is missing or not text")
    if len(text) > MAX_TEXT:
        raise Refused(f"`text` has {len(text):,} characters, and {MAX_TEXT:,} are allowed")
    run = OPERATIONS.get(operation) if isinstance(operation, str) else None
    if run is None:
        known = ", ".join(OPERATIONS)
        raise Refused(f"there is no operation `{str(operation)[:80]}`; known: {known}")
    check_known(given, FIELDS[operation])
    return run(text, given)


def statistics(text: str, given: dict[str, object]) -> dict[str, object]:
    words = _WORD.findall(text)
    sentences = [sentence for sentence in _SENTENCE.findall(text) if _WORD.search(sentence)]
    length = sum(map(len, words)) / len(words) if words else 0.0
    top = Counter(map(str.casefold, words)).most_common(TOP)
    return {
        "characters": len(text),
        "lines": len(text.splitlines()),
        "words": len(words),
        "sentences": len(sentences),
        "average_word_length": round(length, 2),
        "top_words": [{"word": word, "count": count} for word, count in top],
    }


def chunk(text: str, given: dict[str, object]) -> dict[str, object]:
    """Chunks of at most `size` characters; each begins `overlap` characters before the end of the
    one before."""
    size = whole(given, "size", CHUNK, 1, MAX_TEXT)
    overlap = whole(given, "overlap", 0, 0, MAX_TEXT)
    if overlap >= size:
        raise Refused("`overlap` must be less than `size`")
    pieces, begin, end, total = list[dict[str, object]](), 0, 0, 0
    while begin < len(text):
        end = _end(text, max(begin + 1, end), begin + size)
        total += end - begin
        if len(pieces) == MAX_CHUNKS or total > MAX_CHUNKED:
            most = f"{MAX_CHUNKS:,} chunks, or {MAX_CHUNKED:,} characters of them"
            raise Refused(f"more than {most}; take a larger `size`, or a smaller `overlap`")
        pieces.append({"start": begin, "text": text[begin:end]})
        begin = end if end == len(text) else max(begin + 1, end - overlap)
    return {"chunks": pieces, "count": len(pieces)}


def extract(text: str, given: dict[str, object]) -> dict[str, object]:
    """The addresses, numbers and so on in a text, each once, in order; `kinds` selects them."""
    kinds = some_of(given, "kinds", KINDS)
    found = {kind: list(dict.fromkeys(KINDS[kind].findall(text))) for kind in kinds}
    return {kind: matches[:MAX_FOUND] for kind, matches in found.items()}


def _end(text: str, least: int, end: int) -> int:
    """The end of a chunk: behind its last space from `least` on, if there is one."""
    if end >= len(text):
        return len(text)
    space = max(text.rfind(mark, least, end) for mark in (" ", "\n", "\t"))
    return space + 1 if space >= least else end


OPERATIONS: dict[str, Callable[[str, dict[str, object]], dict[str, object]]] = {
    "statistics": statistics,
    "chunk": chunk,
    "extract": extract,
}
