"""The geometry of charts: nothing outside the picture, areas that sum to the total."""

from __future__ import annotations

import re
from itertools import pairwise
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.drill_plan.outcomes import Marks
from router.drill.chart import (
    LEFT,
    RIGHT,
    WIDTH,
    Bar,
    Frame,
    Moment,
    areas,
    axes,
    line,
    moments,
    names,
    number,
    picture,
    shade,
    ticks,
)

frames = st.builds(
    Frame,
    until=st.floats(0.5, 4000),
    most=st.floats(0.01, 1e6),
    height=st.integers(50, 400),
    top=st.integers(0, 80),
    is_last=st.booleans(),
)
SERIES = ("eu", "us", "ap")


@st.composite
def drawings(draw: st.DrawFn) -> tuple[Frame, list[Bar]]:
    """Bars that fill the time, and a frame that is high enough."""
    count = draw(st.integers(1, 20))
    values = st.dictionaries(st.sampled_from(SERIES), st.integers(0, 500), max_size=3)
    bars = [Bar(float(i), i + 1.0, draw(values)) for i in range(count)]
    most = max(sum(bar.values.values()) for bar in bars)
    height = draw(st.integers(100, 400))
    return Frame(float(count), float(most or 1), height, draw(st.integers(0, 60))), bars


def points(path: str) -> list[tuple[float, float]]:
    """The corners of a path of M, L, H and V."""
    found: list[tuple[float, float]] = []
    for command, text in re.findall(r"([MLHVZ])([^MLHVZ]*)", path):
        at = [float(each) for each in text.split()]
        if command in "ML":
            found.append((at[0], at[1]))
        elif command == "H":
            found.append((at[0], found[-1][1]))
        elif command == "V":
            found.append((found[-1][0], at[0]))
    return found


def size(corners: list[tuple[float, float]]) -> float:
    closed = [*corners, corners[0]]
    return abs(sum(a[0] * b[1] - b[0] * a[1] for a, b in pairwise(closed))) / 2


@given(drawings())
def test_areas_sum_to_all_requests(drawn: tuple[Frame, list[Bar]]) -> None:
    frame, bars = drawn
    styles = {name: name for name in SERIES}
    total = 0.0
    for text in areas(frame, bars, styles, styles):
        corners = points(ElementTree.fromstring(text).get("d") or "")
        assert all(LEFT <= x <= WIDTH - RIGHT for x, _ in corners)
        assert all(frame.top <= y <= frame.floor for _, y in corners)
        total += size(corners)
    inner = WIDTH - LEFT - RIGHT
    wanted = sum(sum(bar.values.values()) for bar in bars) / frame.most / frame.until
    # Corners are rounded to a tenth of the picture's units.
    assert total == pytest.approx(wanted * inner * frame.height, abs=len(bars) * 3 * 0.2 * inner)


@given(drawings())
def test_areas_lie_on_one_another(drawn: tuple[Frame, list[Bar]]) -> None:
    frame, bars = drawn
    for name, below in zip(SERIES[1:], SERIES, strict=False):
        styles = {each: each for each in SERIES}
        drawn_areas = [*areas(frame, bars, styles, styles)]
        paths = {ElementTree.fromstring(t).get("class", "")[5:]: t for t in drawn_areas}
        assert set(paths) == {s for s in SERIES if any(b.values.get(s) for b in bars)}
        if name in paths and below in paths:
            feet = _edges(paths[name])[1]
            heads = _edges(paths[below])[0]
            assert all(foot <= head + 0.11 for foot, head in zip(feet, heads, strict=True))


def _edges(text: str) -> tuple[list[float], list[float]]:
    """The heads and feet of an area's bars, as y, from left to right."""
    path = ElementTree.fromstring(text).get("d") or ""
    upright = [float(each) for each in re.findall(r"V([0-9.]+)", path)]
    half = len(upright) // 2
    return upright[:half], upright[half:][::-1]


@given(frames, st.data())
def test_everything_lies_inside_the_picture(frame: Frame, data: st.DataObject) -> None:
    began = data.draw(st.floats(0, frame.until))
    ended = data.draw(st.floats(began, frame.until))
    spans = Marks(began, ended, frame.until).spans()
    marks = [Moment(began, "eu left after 2 s"), Moment(ended, "eu <back> & well")]
    low = Frame(frame.until, frame.most, frame.height, 22 + 18 * len(marks), frame.is_last)
    parts = [*axes(low, "requests"), *shade(low, spans), *names(low, spans), *moments(low, marks)]
    parts.append(line(low, [Bar(0, began, {"a": low.most}), Bar(began, ended, {"a": 0})], "a", "s"))
    svg = ElementTree.fromstring(picture(low, "x", "A <title>", "What & why", parts))
    _, _, width, height = map(float, svg.get("viewBox", "").split())
    for element in svg.iter():
        for name, most in (("x", width), ("x1", width), ("x2", width), ("y", height)):
            assert 0 <= float(element.get(name, 0)) <= most
        for y in ("y1", "y2"):
            assert 0 <= float(element.get(y, 0)) <= height
        if element.tag == "rect":
            assert float(element.get("x", 0)) + float(element.get("width", 0)) <= width
        for x, y in points(element.get("d", "")):
            assert 0 <= x <= width
            assert 0 <= y <= height
        if element.tag == "text" and element.get("class") == "mark":
            long, x = 6.5 * len(element.text or ""), float(element.get("x", 0))
            fits = x + long <= width if element.get("text-anchor") == "start" else x - long >= 0
            assert fits


@given(st.floats(0, 1e9), st.integers(1, 12))
def test_ticks_are_round_and_reach_the_most(most: float, about: int) -> None:
    found = ticks(most, about)
    assert found[0] == 0
    assert found[-1] >= most * 0.999999
    assert len(found) <= about + 2
    steps = [b - a for a, b in pairwise(found)]
    if steps:
        assert steps == pytest.approx([steps[0]] * len(steps), rel=1e-3)
        assert f"{steps[0]:.0e}"[0] in "125"


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0"), (0.5, "0.5"), (1500, "1,500"), (12.0, "12"), (2e6, "2,000,000")]
)
def test_numbers(value: float, text: str) -> None:
    assert number(value) == text


def test_a_line_breaks_where_there_is_nothing() -> None:
    frame = Frame(4.0, 10.0, 100, 0)
    bars = [Bar(0, 1, {"a": 1}), Bar(1, 2, {"a": 2}), Bar(2, 3, {}), Bar(3, 4, {"a": 3})]
    assert re.sub("[0-9. ]+", "", line(frame, bars, "a", "p95")).count("M") == 2
    assert line(frame, [Bar(0, 1, {})], "a", "p95") == ""
