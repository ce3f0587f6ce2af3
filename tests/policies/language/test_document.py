"""YAML is read as 1.2 says, every mistake has its place, and nothing ever raises."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st
from yaml.events import Event

from policies.language.findings.findings import Finding
from policies.language.yaml.budget import MAX_FINDINGS
from policies.language.yaml.composer import MAX_BYTES, MAX_NODES, Lines
from policies.language.yaml.document import Document, read_document, read_manifests
from policies.language.yaml.events import Events
from tests.support.examples import examples

POLICY = """\
# A policy.
version: 1
variants:
  prod: {binding: PROD, pool: production}  # the first
  canary:
    binding: CANARY
routes:
- name: users
  hostnames: [a.example.com, "*.example.com"]
  matches:
    - path: {prefix: /users}
      methods: &safe
        - GET
        - HEAD
  timeouts:
- name: "it's"
  matches:
    - methods: *safe
      note: >-
        folded
        text
"""


def read(text: str | bytes) -> dict[str, Any]:
    document = read_document(text.encode() if isinstance(text, str) else text)
    assert isinstance(document, Document), document
    return document.value


def refused(text: str | bytes) -> list[Finding]:
    findings = read_document(text.encode() if isinstance(text, str) else text)
    assert isinstance(findings, list)
    assert findings
    assert all(finding.message and finding.hint for finding in findings)
    return findings


SCALARS = [
    *[(text, text) for text in ("NO", "no", "yes", "on", "Off", "y", "12:30", "190:20:30")],
    *[(text, text) for text in ("2024-01-01", "2024-01-01T00:00:00Z", "1_000", "0b1", "0o8")],
    *[(text, text) for text in ("1.2.3", "1e", "e3", ".", "-.", "+.nan", "0x", "-0x1", "=", "<<")],
    *[(text, text) for text in ("tRUE", "nULL", "http://x:80/a?b=c", "a#b", "a:b", "é 😀")],
    *[(text, None) for text in ("", "~", "null", "Null", "NULL")],
    *[(text, True) for text in ("true", "True", "TRUE")],
    *[(text, False) for text in ("false", "False", "FALSE")],
    *[("0", 0), ("0123", 123), ("-12", -12), ("+12", 12), ("0o14", 12), ("0xFf", 255)],
    *[("1e3", 1000.0), ("1.", 1.0), (".5", 0.5), ("-1.5E-1", -0.15), ("1e999", math.inf)],
    *[(".inf", math.inf), ("+.Inf", math.inf), ("-.INF", -math.inf)],
    *[("'1'", "1"), ('"1"', "1"), ("''", ""), ("'it''s'", "it's"), ('"\\x41\\n"', "A\n")],
    ('"\\ud83d\\ude00"', "😀"),
    ("9" * 5_000, "9" * 5_000),
]


@pytest.mark.parametrize(("text", "value"), SCALARS)
def test_scalars_follow_the_core_schema(text: str, value: object) -> None:
    found = read(f"key: {text}\n")["key"]
    assert (type(found), found) == (type(value), value)


def test_not_a_number_is_a_number() -> None:
    assert all(math.isnan(each) for each in read("key: [.nan, .NaN, .NAN]")["key"])


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("<<: {a: 1}\nb: 2", {"<<": {"a": 1}, "b": 2}),
        ("a: &x {b: 1}\nc: *x", {"a": {"b": 1}, "c": {"b": 1}}),
        ("a: &x 1\nb: &x 2\nc: *x", {"a": 1, "b": 2, "c": 2}),
        ("&k a: *k\nb: {*k : 1}", {"a": "a", "b": {"a": 1}}),
        ("a: [b?c, x:y, /a?]", {"a": ["b?c", "x:y", "/a?"]}),
        ("a: b\r\nc: d\r  e\r", {"a": "b", "c": "d e"}),
        ("\ufeffa: 1", {"a": 1}),
        ("%YAML 1.2\n---\na: 1\n...\n", {"a": 1}),
        ("? a\n: b", {"a": "b"}),
        ("a: |\n  b\n   c\n", {"a": "b\n c\n"}),
    ],
)
def test_structures(text: str, value: object) -> None:
    assert read(text) == value


REFUSED: list[tuple[str | bytes, list[tuple[str, int, int]]]] = [
    ("", [("yaml-not-a-mapping", 1, 1)]),
    ("# only a comment\n", [("yaml-not-a-mapping", 1, 1)]),
    ("---\n", [("yaml-not-a-mapping", 2, 1)]),
    ("\n- a\n", [("yaml-not-a-mapping", 2, 1)]),
    ("text", [("yaml-not-a-mapping", 1, 1)]),
    ("a: 1\n---\nb: 2\n", [("yaml-several-documents", 2, 1)]),
    ("a: 1\n...\nb: 2\n", [("yaml-syntax", 3, 1)]),
    (b"a: b\n c: \xc3\xa9\xff\n", [("yaml-encoding", 2, 6)]),
    (b"\xff\xfea\x00", [("yaml-encoding", 1, 1)]),
    ("a: é\r\nb: \x07", [("yaml-syntax", 2, 4)]),
    ("a: b\u2028c", [("yaml-syntax", 1, 5)]),
    ("a: \ufeffb", [("yaml-syntax", 1, 4)]),
    ("a: b\0", [("yaml-syntax", 1, 5)]),
    ("a:\n\tb: 1", [("yaml-syntax", 2, 1)]),
    ("a: b: c", [("yaml-syntax", 1, 5)]),
    ("a:\n  b: 1\n c: 2", [("yaml-syntax", 3, 2)]),
    ("a: [b, c\nd: e\n", [("yaml-syntax", 1, 4)]),
    ("a: 'b\n", [("yaml-syntax", 1, 4)]),
    ('a: "\\q"', [("yaml-syntax", 1, 4)]),
    ('a: "\\ud83d"', [("yaml-syntax", 1, 12)]),
    ('a: "\\UFFFFFFFF"', [("yaml-syntax", 1, 7)]),
    ("a:\n- *.example.com\n", [("yaml-syntax", 2, 3)]),
    ("a: @b", [("yaml-syntax", 1, 4)]),
    ("a: | b", [("yaml-syntax", 1, 6)]),
    ("a: ]", [("yaml-syntax", 1, 4)]),
    ("a: !<b", [("yaml-syntax", 1, 4)]),
    ("a: *b\nc: &d [*d]\n", [("yaml-syntax", 1, 4), ("yaml-syntax", 2, 8)]),
    ("a: !b c\nd: !!int 1\n", [("yaml-tag", 1, 4), ("yaml-tag", 2, 4)]),
    ("a: 1\nb: {c: 1, c: 2}\na: 2\n", [("yaml-duplicate-key", n, c) for n, c in ((2, 11), (3, 1))]),
    ("1: a\nnull: b\ntrue: c\n", [("yaml-key-not-text", line, 1) for line in (1, 2, 3)]),
    ("a: {{ b }}\n[c]: d\n", [("yaml-key-not-text", 1, 5), ("yaml-key-not-text", 2, 1)]),
    ("a: 1\na: 2\nb: [c", [("yaml-duplicate-key", 2, 1), ("yaml-syntax", 3, 4)]),
]


@pytest.mark.parametrize(("text", "expected"), REFUSED)
def test_findings_come_together_and_in_place(
    text: str | bytes, expected: list[tuple[str, int, int]]
) -> None:
    assert [(each.code, each.line, each.column) for each in refused(text)] == expected


def test_a_duplicate_tells_of_the_first() -> None:
    (finding,) = refused("routes:\n- name: a\n  split: {}\n  name: b\n")
    assert (finding.path, finding.line) == ("routes[0].name", 4)
    assert "line 2" in finding.message


PLACES: list[tuple[tuple[str | int, ...], tuple[int, int], tuple[int, int]]] = [
    ((), (2, 1), (2, 1)),
    (("version",), (2, 10), (2, 1)),
    (("variants", "prod", "pool"), (4, 31), (4, 25)),
    (("variants", "canary"), (6, 5), (5, 3)),
    (("routes", 0), (8, 3), (8, 3)),
    (("routes", 0, "hostnames", 1), (9, 30), (9, 30)),
    (("routes", 0, "timeouts"), (15, 12), (15, 3)),
    (("routes", 0, "timeouts", "request"), (15, 12), (15, 3)),
    (("routes", 0, "split"), (8, 3), (8, 3)),
    (("routes", 7, "split"), (8, 1), (7, 1)),
    (("routes", "name"), (8, 1), (7, 1)),
    (("routes", 1, "matches", 0, "methods"), (18, 16), (18, 7)),
    (("routes", 1, "matches", 0, "methods", 1), (14, 11), (14, 11)),
    (("routes", 1, "matches", 0, "note"), (19, 13), (19, 7)),
]


@pytest.mark.parametrize(("path", "value", "key"), PLACES)
def test_places(path: tuple[str | int, ...], value: tuple[int, int], key: tuple[int, int]) -> None:
    for text in (POLICY, "\ufeff" + POLICY, POLICY.replace("\n", "\r\n")):
        document = read_document(text.encode())
        assert isinstance(document, Document)
        assert (document.place(path), document.key_place(path)) == (value, key)


def test_the_size_is_limited_before_anything_is_read() -> None:
    (finding,) = refused(b"\xff" * (MAX_BYTES + 1))
    assert finding.code == "yaml-too-large"


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "? ", "[{a: "])
def test_the_depth_is_limited(opening: str) -> None:
    assert refused(opening * 20_000)[0].code == "yaml-too-deep"
    assert read("a: " + "[" * 63 + "]" * 63)
    assert refused("a: " + "[" * 64 + "]" * 64)[0].code == "yaml-too-deep"


def _levels(width: int, count: int, depth: int) -> str:
    """Every level holds the one before `width` times, below `depth` lists."""
    lines = ["l0: &l0 [x]\n"]
    for level in range(1, count):
        inside = ", ".join([f"*l{level - 1}"] * width)
        lines.append(f"l{level}: &l{level} {'[' * depth}{inside}{']' * depth}\n")
    return "".join(lines)


def test_aliases_are_bounded() -> None:
    assert read(_levels(9, 4, 1))["l3"][0][0][0] == ["x"]
    assert refused(_levels(9, 9, 1))[0].code == "yaml-alias-bomb"
    assert refused(_levels(1, 9, 20))[0].code == "yaml-too-deep"
    assert refused("a: &a 1\nb: [" + "*a, " * 100_001 + "]")[0].code == "yaml-alias-bomb"


def test_findings_are_bounded() -> None:
    assert len(refused("a: !b c\n" * 10_000)) == MAX_FINDINGS


PIECES = st.sampled_from(
    [
        *"abk1-:#[]{},|>&*!%@`~'\"\\é😀? \t\n\n\n\n",
        *("- ", ": ", ": ", "key: ", "\n  ", "\n    ", "\n- ", ", ", " # c\n", "\n\n", "? "),
        *("foo bar", "a:b", "http://x:80/", "'it''s'", '"x y"', '"a\\n\n  b\n\n c"', "'a\n b'"),
        *("&a ", "*a ", "|\n", ">-\n", "|+\n", ">2\n", "!!str ", "!<x> ", "---\n", "...\n"),
        *("%YAML 1.2\n", "k" * 1_030, "word " * 30),
    ]
)
PIECEWISE = st.lists(PIECES, max_size=40).map("".join)


@examples(300)
@given(st.one_of(st.binary(), st.text(), PIECEWISE))
@example("%YAML 1." + "1" * 5_000)
def test_nothing_raises(text: str | bytes) -> None:
    data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    result = read_document(data)
    for finding in [] if isinstance(result, Document) else result:
        assert finding.line >= 1
        assert finding.column >= 1


@examples(300)
@given(st.data())
def test_nothing_raises_on_a_policy_gone_wrong(data: st.DataObject) -> None:
    text = POLICY
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(text)))
        end = start + data.draw(st.integers(0, 3))
        text = text[:start] + data.draw(st.one_of(st.just(""), PIECES)) + text[end:]
    read_document(text.encode())


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x7f"), max_size=20)
LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), TEXT
)
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner), max_leaves=20
)


@settings(deadline=None)
@given(st.dictionaries(TEXT, VALUES), st.sampled_from([None, 2]))
def test_json_is_yaml(value: dict[str, Any], indent: int | None) -> None:
    assert read(json.dumps(value, indent=indent)) == value


class Plain(yaml.reader.Reader, yaml.scanner.Scanner, yaml.parser.Parser):
    """PyYAML as it is, which decides what is YAML."""

    def __init__(self, text: str) -> None:
        yaml.reader.Reader.__init__(self, text)
        yaml.scanner.Scanner.__init__(self)
        yaml.parser.Parser.__init__(self)


def _events(source: Any, place: Any) -> list[object] | None:
    """What each event says and where it stands; None for a syntax error."""
    told: list[object] = []
    try:
        while source.state:
            event: Event = source.state()
            about = dict(vars(event))
            marks = place(about.pop("start_mark")), place(about.pop("end_mark"))
            told.append((type(event), about, marks))
    except (yaml.MarkedYAMLError, ValueError, OverflowError):
        return None
    return told


@examples(1_000)
@given(PIECEWISE.filter(lambda text: "?" not in text))
def test_the_quick_scanner_sees_what_the_plain_one_sees(text: str) -> None:
    quick = _events(Events(text), Lines(text).place)
    plain = _events(Plain(text), lambda mark: (mark.line + 1, mark.column + 1))
    assert quick == plain


@pytest.mark.slow
def test_keys_and_values_are_counted() -> None:
    begin = b"a: [" + b"1," * (MAX_NODES - 4)
    assert isinstance(read_document(begin + b"]"), Document)
    (finding,) = refused(begin + b"1,\n1,1]")
    assert (finding.code, finding.line) == ("yaml-too-large", 2)


def test_manifests_may_be_several() -> None:
    merging = "{c: {<<: {d: 1, e: 2}, d: 3}}"
    text = f"a: &x 1\n---\n---\n# nothing\n---\n- b\n--- {merging}\n...\n---\ne: *x\n"
    documents, findings = read_manifests(text.encode())
    assert [each.value for each in documents] == [{"a": 1}, {"c": {"d": 3, "e": 2}}]
    assert [each.place(()) for each in documents] == [(1, 1), (7, 5)]
    assert documents[1].place(("c", "e")) == (7, 24)
    assert [(f.code, f.line) for f in findings] == [("yaml-syntax", 10), ("yaml-not-a-mapping", 6)]


def test_what_comes_before_a_mistake_is_read() -> None:
    documents, findings = read_manifests(b"a: 1\n---\nb: 1\nb: 2\n---\nc: 1\n---\nd: [\n")
    assert [each.value for each in documents] == [{"a": 1}, {"c": 1}]
    assert [each.code for each in findings] == ["yaml-duplicate-key", "yaml-syntax"]


@pytest.mark.parametrize("merged", ["1", "[{a: 1}, 2]", "text"])
def test_only_mappings_are_merged(merged: str) -> None:
    documents, findings = read_manifests(f"a: {{<<: {merged}}}".encode())
    assert documents == []
    assert findings[0].code == "yaml-syntax"


def test_a_policy_has_no_merge_keys() -> None:
    assert read("a: {<<: {b: 1}}") == {"a": {"<<": {"b": 1}}}


@settings(deadline=None)
@given(st.lists(PIECES, max_size=60).map("".join))
def test_manifests_never_raise(text: str) -> None:
    documents, findings = read_manifests(text.encode())
    for document in documents:
        assert document.place(()) >= (1, 1)
    assert all(finding.line > 0 for finding in findings)
