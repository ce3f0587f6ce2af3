"""The language is that of `re.fullmatch`; the cost is bounded, whatever pattern and text are."""

from __future__ import annotations

import contextlib
import json
import random
import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from policies.basics.regex import (
    MAX_REMEMBERED,
    MAX_TEXT,
    Matcher,
    Memory,
    Program,
    _State,
    can_match,
    literal_prefix,
)
from policies.basics.regex_compiler import MAX_STEPS, PatternError, compile_pattern
from policies.compiled.form.codec import Codec
from tests.support.examples import examples

PROGRAM = Codec(Program)

MATCHES = [
    ("", [""], ["a"]),
    (
        "/users/[0-9]+",
        ["/users/1", "/users/007"],
        ["/users/", "/users/1/", "x/users/1"],
    ),
    ("^/a$", ["/a"], ["/a\n", "^/a$"]),
    ("^/a$|^/b$", ["/a", "/b"], ["/ab"]),
    ("a|", ["a", ""], ["aa"]),
    ("(?:a|b)*c", ["c", "abbac"], ["ab"]),
    ("(a)(?P<n>b)(?<m>c)", ["abc"], ["ab"]),
    ("a.c", ["abc", "a\nc", "a😀c"], ["ac"]),
    (r"\d\w\s", ["1_ ", "9a\t"], ["٣a ", "1é ", "1a\u00a0"]),
    (r"\D\W\S", ["a-a", "٣é\u00a0"], ["1-a"]),
    (r"\.\/\-\(\\\_", ["./-(\\_"], ["x/-(\\_"]),
    (r"\x41\u00e9\x{1F600}\n\t", ["Aé😀\n\t"], []),
    (r"[a-cx\d\]-]", ["a", "c", "x", "5", "]", "-"], ["d", "\\"]),
    (r"[^a-c\s]", ["d", "é"], ["b", " ", "dd"]),
    ("[]a][^]a]", ["]b", "a-"], ["]]", "]a"]),
    ("[a-]", ["a", "-"], ["b"]),
    (r"[\d-]", ["1", "-"], ["a"]),
    (r"[^\W\d]", ["a", "_"], ["1", "-"]),
    ("a{2}b{1,}c{0,2}d{0}", ["aab", "aabbcc"], ["ab", "aabccc", "aabd"]),
    ("a+?b*?c??d{1,2}?", ["ad", "aabbcdd"], ["d"]),
    ("(?i)/Ab[^c-d]k", ["/ab-K", "/ABek"], ["/abCk", "/abDk", "/ab-\u212a"]),
    ("a}]", ["a}]"], []),
    (r"[^\s\S]", [], ["", "a"]),
]


@pytest.mark.parametrize(("pattern", "yes", "no"), MATCHES)
def test_matching(pattern: str, yes: list[str], no: list[str]) -> None:
    matcher = Matcher(compile_pattern(pattern))
    assert [text for text in yes + no if matcher.matches(text)] == yes


REFUSED = [
    ("a(?=b)", 1, "look-around"),
    ("(?<!b)", 0, "look-around"),
    (r"(a)\1", 3, "backreference"),
    ("(?P<n>a)(?P=n)", 8, "backreference"),
    (r"\ba", 0, "word boundaries"),
    ("a^b", 1, "anchor"),
    ("(^a)", 1, "anchor"),
    ("a$b", 1, "anchor"),
    (r"a\Z", 1, "anchor"),
    ("(?>a)", 0, "atomic"),
    ("a++", 2, "repeated"),
    ("a**", 2, "repeated"),
    ("a{2}{3}", 4, "begin a repeat"),
    ("*a", 0, "repeated"),
    ("a|+", 2, "repeated"),
    ("^*", 1, "repeated"),
    ("/users/{id}", 7, "begin a repeat"),
    ("a{,2}", 1, "begin a repeat"),
    ("a{3,1}", 1, "lower number first"),
    ("a{1001}", 1, "0 to 1,000"),
    ("([a-z]{100}){100}", 0, "250 steps"),
    ("(a", 0, "never closed"),
    ("a)", 1, "no group is open"),
    ("a[b", 1, "never closed"),
    ("[b-a]", 1, "range"),
    (r"[\d-z]", 1, "range"),
    ("[[:alpha:]]", 1, "classes within"),
    (r"\pL", 0, "Unicode"),
    (r"\y", 0, "not known"),
    (r"[\b]", 1, "word"),
    (r"a\x4", 1, "code"),
    (r"\ud800", 0, "code"),
    (r"\x{110000}", 0, "code"),
    ("a\\", 1, "ends with a backslash"),
    ("a(?i)", 1, "too late"),
    ("(?P<1>a)", 0, "bad name"),
    ("(?s).", 0, "kind of group"),
    ("(" * 60 + ")" * 60, 50, "too many groups"),
    ("a" * 2_001, 2_000, "too long"),
]


@pytest.mark.parametrize(("pattern", "position", "words"), REFUSED)
def test_refusals(pattern: str, position: int, words: str) -> None:
    with pytest.raises(PatternError) as caught:
        compile_pattern(pattern)
    assert (caught.value.position, bool(caught.value.hint)) == (position, True)
    assert words in caught.value.message


PREFIXES = [
    ("/users/[0-9]+", "/users/"),
    ("^/a$", "/a"),
    ("/a(?:bc|bd)", "/ab"),
    ("/a|/b", "/"),
    ("/ab?", "/a"),
    ("(?:ab){2,}c", "abab"),
    ("a+", "a"),
    ("a*b", ""),
    ("[a]b", "ab"),
    (".*", ""),
    ("", ""),
    ("(?i)/a", ""),
]


@pytest.mark.parametrize(("pattern", "prefix"), PREFIXES)
def test_prefixes(pattern: str, prefix: str) -> None:
    assert literal_prefix(compile_pattern(pattern)) == prefix


ATOMS = st.sampled_from(
    [
        *"abcA/1_é.",
        *(r"\.", r"\d", r"\D", r"\w", r"\W", r"\s", r"\S", r"\x41"),
        *("[ab]", "[^a]", "[a-c1]", r"[\d_-]", r"[^\W]", "[]a]", "[^]b]", "[à-é]"),
    ]
)
REPEATS = st.sampled_from(["*", "+", "?", "*?", "+?", "??", "{2}", "{1,3}", "{2,}", "{0}"])


def _patterns(atoms: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    groups = st.lists(atoms, min_size=1, max_size=3).map("|".join)
    return st.lists(
        st.one_of(
            atoms,
            groups.map("({})".format),
            st.tuples(groups, REPEATS).map(lambda made: f"(?:{made[0]}){made[1]}"),
        ),
        max_size=3,
    ).map("".join)


# Two repeats within one another at most, since `re` is not as patient.
PATTERNS = st.tuples(
    st.sampled_from(["", "^", "(?i)"]),
    _patterns(_patterns(ATOMS)),
    st.sampled_from(["", "$"]),
).map("".join)
TEXTS = st.lists(st.text("abcAB/1_ .\né]-", max_size=8), min_size=5, max_size=20)


@examples(400)
@given(PATTERNS, TEXTS)
def test_agrees_with_re(pattern: str, texts: list[str]) -> None:
    try:
        program = compile_pattern(pattern)
    except PatternError as error:
        assume("steps" not in str(error))  # repeats within repeats may become too long
        raise
    assert PROGRAM.read(json.loads(json.dumps(PROGRAM.write(program)))) == program
    matcher, prefix = Matcher(program), literal_prefix(program)
    expected = [text for text in texts if re.fullmatch(pattern, text, re.ASCII | re.DOTALL)]
    assert [text for text in texts if matcher.matches(text)] == expected
    assert all(text.startswith(prefix) for text in expected)


@examples(1_000)
@given(st.one_of(st.text(), st.text(r"ab^$|()[]{}*+?.\-,:<>=!P019dbxu/", max_size=30)))
def test_compiling_raises_only_pattern_errors(pattern: str) -> None:
    with contextlib.suppress(PatternError):
        program = compile_pattern(pattern)
        Matcher(program).matches(pattern)
        literal_prefix(program)


class Counting(Matcher):
    """Counts the characters that were not a mere look-up, and what was held at most."""

    def __init__(self, program: Program) -> None:
        self.steps = self.most = 0
        super().__init__(program)

    def advance(self, state: _State, char: str) -> _State:
        self.steps += 1
        following = super().advance(state, char)
        self.most = max(self.most, self._memory.held)
        return following


NOTORIOUS = [
    ("(a+)+$", "a" * 4_000 + "!"),
    ("(a|a)*b", "a" * 4_000),
    ("(a|aa)+", "a" * 4_000 + "!"),
    ("(.*a){20}", "a" * 4_000 + "!"),
    ("(.*a){20}", "ab" * 2_000),
    ("(x+x+)+y", "x" * 4_000),
    ("(.*)(.*)(.*)(.*)[^a]", "a" * 4_000),
]


@pytest.mark.parametrize(("pattern", "text"), NOTORIOUS)
def test_notorious_patterns_cost_a_look_up_for_each_character(pattern: str, text: str) -> None:
    matcher = Counting(compile_pattern(pattern))
    matcher.matches(text)
    assert matcher.steps < 100
    assert matcher.most < 1_000


@pytest.mark.parametrize("pattern", ["[ab]*a[ab]{200}", "(?:.{3}|.{5}|.{7})*", ".*[a-z].*"])
def test_what_is_remembered_is_bounded(pattern: str) -> None:
    rng = random.Random(pattern)
    texts = ["".join(rng.choices("ab", k=2_000)), "".join(map(chr, range(0x20, 0x1000)))]
    matcher = Counting(compile_pattern(pattern))
    texts += ["".join(map(chr, range(n, n + 4_000))) for n in range(0x1000, 0xC000, 4_000)]
    for text in texts * 2:
        assert matcher.matches(text) == bool(re.fullmatch(pattern, text, re.DOTALL))
    assert matcher.steps <= 2 * sum(map(len, texts))
    assert matcher.most <= MAX_REMEMBERED + MAX_STEPS
    assert sum(map(len, matcher._states.values())) <= MAX_REMEMBERED


def test_the_largest_programs_are_quickly_made() -> None:
    for pattern in ("(?:a?){124}", "[a-z]{125}[0-9]{125}", "a|" * 80, "((a{6}){6}){6}"):
        assert len(compile_pattern(pattern).steps) <= MAX_STEPS


@pytest.mark.slow
def test_matchers_share_one_memory() -> None:
    rng, memory = random.Random(3), Memory()
    matchers = [Matcher(compile_pattern(f"[ab]*a[ab]{{{n}}}"), memory) for n in range(2, 102)]
    for text in ("".join(rng.choices("ab", k=500)) for _ in range(10)):
        for length, matcher in enumerate(matchers, 2):
            assert matcher.matches(text) == (text[-length - 1] == "a")
            if length % 10:
                continue  # to count takes longer than to match
            held = sum(len(s) + len(s.positions) for m in matchers for s in m._states.values())
            assert held <= MAX_REMEMBERED + 2 * MAX_STEPS + 100 * 3


def test_long_texts_match_nothing() -> None:
    matcher = Matcher(compile_pattern("a*"))
    assert matcher.matches("a" * MAX_TEXT)
    assert not matcher.matches("a" * (MAX_TEXT + 1))


def test_a_pattern_is_compiled_once() -> None:
    assert compile_pattern("/once") is compile_pattern("/once")


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [("/a", True), ("/a+é?", True), ("/a+é", False), ("a", False), (".*", True), ("", False),
     ("/[é-ü]", False), ("/[^a]", True), ("/a b", False), ("/(?:é|b)", True), ("[a/]", True)],
)  # fmt: skip
def test_whether_a_pattern_can_match(pattern: str, expected: bool) -> None:
    assert can_match(compile_pattern(pattern), "/", "/ab") == expected
