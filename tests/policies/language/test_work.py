"""What reading a policy may cost: bounds before work, work that is counted, in steps (14.18)."""

from __future__ import annotations

from typing import Any

import pytest

from policies.basics.schedule import COMPARED_MS, shortest_gap_ms
from policies.basics.steps import Steps, TooMuchWork, finished, within
from policies.compiled.policy import CompiledPolicy
from policies.language.compile.compile import compile_steps
from policies.language.load import load, load_steps
from policies.language.yaml.budget import MAX_WORK
from policies.language.yaml.composer import MAX_TEXT
from policies.language.yaml.events import Events
from tests.policies.language.costly import HEAD, LONG, ROUTES, drills
from tests.policies.making import policy_text

MOST_UNITS = 8  # of one step: some 50 ms at the edge


def routes(number: int, **more: Any) -> bytes:
    match = {"path": {"prefix": "/x"}, "methods": ["GET"]}
    one = {"split": {"canary": 1}, "matches": [match], **more}
    return policy_text(routes=[{"name": f"r{n}", **one} for n in range(number)])


@pytest.mark.parametrize("number", [101, 400, 1_900])
def test_too_many_drills_are_refused_before_a_schedule_is_read(
    number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unexpected(*_: object, **__: object) -> None:
        raise AssertionError("a schedule was read")

    monkeypatch.setattr("policies.basics.schedule._runs", unexpected)
    (finding,) = load(drills(number)).findings
    assert (finding.code, finding.path) == ("out-of-range", "drills")
    assert finding.message == f"`drills` has {number:,} entries"
    assert finding.hint == "keep at most 100"


def test_a_schedule_that_seldom_runs_is_not_searched_for_centuries() -> None:
    assert COMPARED_MS > 366 * 24 * 3_600_000
    assert shortest_gap_ms("0 0 1 */6 *") == 184 * 24 * 3_600_000
    assert shortest_gap_ms("0 0 1 1 *") is None
    assert shortest_gap_ms("0 0 29 2 *") is None


@pytest.mark.parametrize(
    "text",
    [
        f"x: |\n  {LONG}\n",
        "x: |\n" + "  a\n" * (MAX_TEXT // 2),
        f"x: >\n  {LONG}\n",
        f'x: "{LONG}"\n',
        'x: "' + "\\u0041" * (MAX_TEXT // 6 + 1) + '"\n',
        'x: "' + "a\n" * MAX_TEXT + '"\n',
        f"x: '{LONG}'\n",
        "x: '" + "a''" * MAX_TEXT + "'\n",
        f"x: {LONG}\n",
        "x: a\n" + "  a\n" * (MAX_TEXT // 2),
        f"? {LONG}\n: 1\n",
        f"x: &{LONG} 1\n",
        f"x: *{LONG}\n",
        f"x: !{LONG} 1\n",
    ],
    ids=lambda text: f"{text[:6]!r}",
)
def test_a_long_text_is_refused_before_it_is_read_to_its_end(text: str) -> None:
    (finding,) = load((HEAD + text + ROUTES).encode()).findings
    assert finding.code == "yaml-too-large"
    assert finding.line == HEAD.count("\n") + 1
    assert f"{MAX_TEXT:,}" in finding.message


def test_a_long_text_within_the_bound_is_read() -> None:
    respond = {"status": 503, "body": LONG[:MAX_TEXT]}
    loaded = load(policy_text(routes=[{"name": "r", "respond": respond}]))
    assert loaded.policy
    long = "#" + "x" * 3 * MAX_TEXT + "\n"
    assert load((long + HEAD + long + ROUTES).encode()).policy


def test_too_much_work_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("policies.language.load.MAX_WORK", 20)
    assert load(routes(10)).policy
    loaded = load(routes(1_000))
    (finding,) = loaded.findings
    assert loaded.policy is None
    assert (finding.code, finding.path) == ("too-much-work", "$")


def test_work_that_is_not_written_out_counts() -> None:
    """References make much of few characters."""
    one = "- &r {name: r, split: {one: 1}, matches: [&m {path: {prefix: /a}}" + ", *m" * 50 + "]}\n"
    text = HEAD + "routes:\n" + one
    units = _units(load_steps(text.encode()))
    more = _units(load_steps((text + "- *r\n" * 400).encode()))
    assert more > units + 20


def _units(steps: Steps[Any]) -> int:
    return sum(_each(steps))


def _each(steps: Steps[Any]) -> list[int]:
    return _walked(steps)[0]


def _walked(steps: Steps[Any]) -> tuple[list[int], Any]:
    """The units of each step, and what came of them."""
    each = []
    while True:
        try:
            each.append(next(steps))
        except StopIteration as end:
            return each, end.value


def named(number: int) -> list[dict[str, str]]:
    return [{"name": f"h{n}", "value": "v"} for n in range(number)]


MATCH = {"path": {"exact": "/x"}, "query_params": named(400)}
ORIGINS = {"cors": {"allow_origins": [f"https://a{n}.test" for n in range(1_500)]}}
SET = {"request_headers": {"set": named(1_500)}, "response_headers": {"set": named(1_500)}}
FEW = {"request_headers": {"set": named(150)}}
HUGE = {
    "one match": routes(1, matches=[{**MATCH, "query_params": named(2_000)}]),
    "few long matches": routes(1, matches=[MATCH] * 50),
    "long lists": routes(40, filters=ORIGINS),
    "one long route": routes(1, filters={**ORIGINS, **SET}),
    "long shares": routes(
        3, split={name: {"weight": 1, "filters": SET} for name in ("canary", "production")}
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize(
    "data",
    [
        routes(2_000),
        routes(20, matches=[{"path": {"exact": f"/{n}"}} for n in range(500)]),
        routes(1, matches=[{"path": {"exact": f"/{n}"}} for n in range(5_000)]),
        drills(100),
        routes(2_000, splt={"canary": 1}),
        *HUGE.values(),
    ],
    ids=["routes", "matches", "one route", "drills", "wrong", *HUGE],
)
def test_no_step_is_long(data: bytes) -> None:
    each, loaded = _walked(load_steps(data))
    assert len(each) > 3
    assert max(each) <= MOST_UNITS
    assert sum(each) < MAX_WORK
    if loaded.policy:
        each, tables = _walked(compile_steps(loaded.policy, loaded.digest))
        assert max(each, default=0) <= MOST_UNITS
        assert max(_each(CompiledPolicy.in_steps(tables)), default=0) <= MOST_UNITS


@pytest.mark.slow
@pytest.mark.parametrize(
    "data",
    [
        routes(50),
        routes(250, splt={"canary": 1}),
        routes(3, matches=[{"path": {"exact": f"/{n}"}} for n in range(250)]),
        routes(3, matches=[{"path": {"exact": n}} for n in range(250)]),
        *HUGE.values(),
        routes(2, filters={**SET, "cache": 1, "request_headers": {"set": [{"name": 1}] * 300}}),
        routes(2, sticky=["ip"] * 200 + ["x", {"header": "h", "set": True}] * 50),
        routes(2, split={"canary": {"weight": "x", "filters": SET}, "production": 1}),
        routes(120, split={"canary": {"weight": "x", "filters": FEW}}, matches=[1] * 3),
        routes(1, hostnames="x", matches=[{"path": {"exact": "/x", "regx": "y"}, **MATCH}] * 2),
        drills(20, "0 0 30 2 *"),
        drills(3),
        b"version: 1\nroutes: [1, a, {name: 2}]\n",
    ],
)
def test_steps_find_what_one_reading_finds(data: bytes) -> None:
    """Reading entry by entry first changes no finding and no policy."""
    from policies.language import load as module
    from policies.language.yaml.budget import Budget
    from policies.language.yaml.document import Document, read_document

    document = read_document(data)
    assert isinstance(document, Document)

    def unprepared(value: object, _: Budget) -> Steps[object]:
        return value
        yield

    found = module.read_policy(document.value, Budget())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "prepare_steps", unprepared)
        plain = module.read_policy(document.value, Budget())
    assert found[0] == plain[0]
    assert found[1][:100] == plain[1][:100]


def test_brackets_that_open_are_not_counted_again_for_each() -> None:
    """14.18: PyYAML looked at each of a thousand for every one of them."""
    events = Events("[" * 3_000)
    looks = 0

    class Counted(dict[int, Any]):
        def items(self) -> Any:
            nonlocal looks
            looks += 1
            return super().items()

    events.possible_simple_keys = Counted()
    for _ in range(1_500):
        events.fetch_more_tokens()
    assert len(events.possible_simple_keys) > 1_000
    assert looks < 2 * 1_500


def test_a_long_text_is_looked_at_in_steps() -> None:
    """14.18: 4 MB are decoded, checked and composed in steps."""
    for text in (
        "#" + "x" * 3_900_000 + "\n",
        "# x\n" * 900_000,
        "#" + "\u00e4" * 1_900_000 + "\n",
    ):
        each = _each(load_steps((text + HEAD + ROUTES).encode()))
        assert len(each) > 5
        assert max(each) <= MOST_UNITS
    stray = "#" + "x" * 3_900_000 + "\x00"
    (finding,) = load((HEAD + stray).encode()).findings
    assert (finding.code, finding.column) == ("yaml-syntax", len(stray))


def test_within() -> None:
    def three() -> Steps[str]:
        yield 1
        yield 2
        return "done"

    assert finished(within(three(), 3)) == "done"
    with pytest.raises(TooMuchWork):
        finished(within(three(), 2))
