"""The report: one well-formed file that needs nothing else, says what was seen, and shows
nothing it should not."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest

from policies.drill_plan.outcomes import DrillOutcome, Marks
from policies.drill_plan.places import Places, VariantPlace
from router.drill.charts import charts
from router.drill.conduct import Course
from router.drill.report import page
from router.drill.result import HIDDEN, Result
from tests.policies.drill_plan.making import traffic
from tests.router.drill.making import LOST, PLAN, SHARES, TOLD, USUAL, result_of

VOID = {"meta", "link", "br", "hr", "img", "input"}
BASELINE = Marks(None, None, 10.0)
STOPPED = Course(15.0, None, TOLD, is_over=True, trouble="the run was interrupted")


class Page(HTMLParser):
    """Checks that what is opened is closed; collects tables, ids, what is referred to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tables: list[list[list[str]]] = []
        self.ids: list[str] = []
        self.wanted: list[str] = []
        self.links: list[str] = []
        self.tags: set[str] = set()
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        given = {name: value or "" for name, value in attrs}
        self.ids += [given["id"]] if "id" in given else []
        self.wanted += given.get("aria-labelledby", "").split()
        self.links += [given[name] for name in ("src", "href", "xlink:href") if name in given]
        assert not [name for name in given if name.startswith("on")]
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if {"td", "th"} & set(self._open[-3:]):
            self.tables[-1][-1][-1] += data


def seen(result: Result) -> tuple[str, Page]:
    text = page(result)
    read = Page(text)
    assert len(set(read.ids)) == len(read.ids)
    assert set(read.wanted) <= set(read.ids)
    assert read.links == []
    assert "script" not in read.tags
    assert "url(" not in text
    assert "@import" not in text
    for table in read.tables:
        assert len({len(row) for row in table}) == 1
    return text, read


def spoilt(part: int, **fields: object) -> list[DrillOutcome]:
    return [o._replace(**fields) if i % part == 0 else o for i, o in enumerate(USUAL)]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("result", "said"),
    [
        (result_of(), "Objectives met"),
        (result_of(spoilt(7, status=503)), "Objectives not met"),
        (result_of(spoilt(7, status=0, failure="timeout", variant="")), "Objectives not met"),
        (result_of(course=STOPPED, marks=Marks(15.0, None, 30.0)), "Not judged"),
        (result_of(USUAL[:400], BASELINE, course=Course()), "The drill did not start."),
        (result_of([], Marks(None, None, 0.0), course=Course()), "The drill did not start."),
        (result_of(USUAL[:1], Marks(None, None, 0.01), course=Course()), "Of 1 requests"),
        (result_of(not_started=(1.0,) * 500), "500 of 5,900 requests could not be started"),
    ],
    ids=["met", "503s", "timeouts", "stopped", "baseline", "nothing", "one", "not started"],
)
def test_every_kind_of_run_gives_a_whole_page(result: Result, said: str) -> None:
    assert said in seen(result)[0]


def test_it_says_what_was_seen() -> None:
    text, read = seen(result_of())
    assert "Region eu was down for 30 s. Of 5,400 requests, 0 failed (0 %)." in text
    objectives, seconds, phases, answers, _ = read.tables
    assert objectives[2][1:4] == ["5 s", "575 ms", "✓met"]
    assert [row[0] for row in phases] == ["phase", "baseline", "failure", "recovery"]
    assert [row[2] for row in phases[1:]] == ["600", "1,200", "3,600"]
    assert phases[1][-1] == "50 %"
    assert [row[0] for row in answers[1:]] == ["ap", "eu", "us"]
    for column in range(2, 6):  # eu, us, ap, no answer
        total = sum(int(row[column].replace(",", "")) for row in seconds[1:])
        assert total == [1832, 1784, 1784, 0][column - 2]
    assert "eu left after 575 ms" in text
    assert "eu back after 14 s" in text
    assert "ab" * 32 in text


@pytest.mark.parametrize("scale", [1, 40])
def test_charts_are_svg_that_tells_what_it_shows(scale: int) -> None:
    outcomes = [outcome._replace(at=outcome.at * scale) for outcome in USUAL]
    marks = Marks(15.0 * scale, 45.0 * scale, 135.0 * scale)
    svgs = re.findall(r"<svg role.*?</svg>", page(result_of(outcomes, marks)), re.DOTALL)
    assert len(svgs) == 3
    for text in svgs:
        svg = ElementTree.fromstring(text)
        assert [child.tag for child in svg[:2]] == ["title", "desc"]
        assert all(child.text for child in svg[:2])
        assert len(text) < 100_000
    areas = ElementTree.fromstring(svgs[0]).findall("path")
    assert [(area.get("class"), area[0].text) for area in areas] == [
        ("area c-target", "eu: 1,832 requests"),
        ("area c-0", "ap: 1,784 requests"),
        ("area c-1", "us: 1,784 requests"),
    ]


def test_the_smallest_of_many_are_drawn_together() -> None:
    names = [f"v{i:02}" for i in range(12)]
    places = Places(
        {"eu": VariantPlace("p", "eu"), **{n: VariantPlace("p", f"r-{n}") for n in names}}
    )
    outcomes = traffic((0, {"eu": 20, **{n: 1 + i for i, n in enumerate(names)}}), end=135)
    result = result_of(outcomes, places=places)
    legend = next(charts(result))
    shown = ["eu", *(f"r-v{i:02}" for i in range(11, 5, -1)), "all"]
    assert re.findall(r"</svg>(\S+)", legend) == shown
    numbers = [int(each.replace(",", "")) for each in re.findall(r">([0-9,]+)</span>", legend)]
    assert sum(numbers) == len(outcomes)


def test_what_nobody_answered_is_drawn_too() -> None:
    outcomes = spoilt(4, status=0, failure="timeout", variant="")
    outcomes = [o._replace(variant="") if i % 4 == 1 else o for i, o in enumerate(outcomes)]
    legend = next(charts(result_of(outcomes)))
    assert "the router itself" in legend
    assert "no answer" in legend


HOSTILE = '<img src=x onerror="alert(1)">&\'"'


def test_whatever_comes_from_elsewhere_is_escaped() -> None:
    plan = PLAN.replace(b"'{\"note\": {n}}'", json.dumps(HOSTILE).encode())
    plan = plan.replace(b"user-{n}", b"</code><script>alert(1)</script>")
    places = Places(
        {HOSTILE: VariantPlace(HOSTILE, "eu"), "us": VariantPlace("production", HOSTILE)}
    )
    outcomes = traffic((0, {HOSTILE: 1, "us": 1, "<b>": 1}), (16, {"us": 1}), end=135)
    outcomes = [o._replace(failure=HOSTILE) if i % 9 == 0 else o for i, o in enumerate(outcomes)]
    told = {**TOLD, "id": HOSTILE}
    course = Course(15.0, 45.0, told, finished=135.0, trouble=HOSTILE, notes=[HOSTILE])
    result = result_of(outcomes, plan=plan, places=places, course=course, url=f"http://h/{HOSTILE}")
    text, read = seen(result)
    assert read.tags.isdisjoint({"img", "script", "b"})
    assert "&lt;img src=x" in text
    assert json.loads(json.dumps(result.document()))["notes"][0] == HOSTILE


def test_no_secret_is_shown() -> None:
    header, key = b'x-worker-id: "user-{n}"', b"x-api-key: example-core-key"
    assert header in PLAN
    assert key in PLAN
    plan = PLAN.replace(header, b"Authorization: Bearer s3cret\n        x-user: shown")
    plan = plan.replace(key, b"x-api-key: s3cret")
    result = result_of(plan=plan, url="https://user:s3cret@router.test:8443/x")
    for text in (page(result), json.dumps(result.document())):
        assert "s3cret" not in text
        assert HIDDEN in text
        assert "shown" in text
        assert "https://router.test:8443/x" in text
        assert "drill-{n}" in text


def test_the_json_has_everything() -> None:
    told = json.loads(json.dumps(result_of(spoilt(100, status=500)).document()))
    assert told["verdict"] == "not met"
    assert told["failures"] == {"status 500": 54}
    assert told["moments"] == {
        "drill_began": 15.0,
        "left": 15.575,
        "drill_ended": 45.0,
        "back": 59.0,
        "finished": 135.0,
    }
    assert len(told["seconds"]) == 135
    assert told["seconds"][0]["answers"] == {
        "by_region": {"eu": 20, "us": 10, "ap": 10},
        "by_variant": {"eu": 20, "us": 10, "ap": 10},
        "by_pool": {"production": 40},
    }
    assert told["phases"][1]["latency_ms"] == {"p50": 20, "p95": 20, "p99": 20, "longest": 20}
    assert told["target"] == {"region": "eu", "variants": ["eu"]}
    assert told["plan"]["value"]["phases"]["failure"] == "30s"


def test_moments_of_a_target_that_stays() -> None:
    told = result_of(traffic((0, SHARES), end=135)).document()
    assert (told["moments"]["left"], told["moments"]["back"]) == (None, 45.0)
    told = result_of(traffic((0, SHARES), (20, LOST), end=135)).document()
    assert (told["moments"]["left"], told["moments"]["back"]) == (19.975, None)
