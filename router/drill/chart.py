"""SVG charts of a drill: responses of the target and of others over time, errors, latency; one
below the other, with one time axis.

- Geometry only: numbers in, text out; every number lies inside the picture.
- Areas are stacked, so that their heights add up to all requests at each time.
- Colours are classes of the page's style, which has light, dark and print versions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, floor, log10
from typing import NamedTuple

from policies.drill_plan.outcomes import Span

WIDTH = 1000
LEFT, RIGHT, BOTTOM = 64, 16, 44  # room for labels around the plot
LABEL_HEIGHT = 18
TIME = "seconds since the traffic started"
TICKS = 6  # per axis, about
WIDE = 6.5  # the width of a letter in the picture's units, rounded up


class Moment(NamedTuple):
    at: float
    text: str


class Bar(NamedTuple):
    """A period of time, with the value of each series."""

    begin: float
    end: float
    values: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Frame:
    """The layout: the plot's size, and the ranges of its axes."""

    until: float  # seconds
    most: float  # at the top
    height: int  # of the plot
    top: int
    is_last: bool = False  # the lowest chart, which labels the time axis

    def x(self, at: float) -> float:
        inner = WIDTH - LEFT - RIGHT
        return round(LEFT + inner * min(max(at / self.until, 0.0), 1.0), 1)

    def y(self, value: float) -> float:
        part = min(max(value / self.most, 0.0), 1.0)
        return round(self.top + self.height * (1 - part), 1)

    @property
    def floor(self) -> int:
        return self.top + self.height

    @property
    def whole(self) -> int:
        """The height of the picture."""
        return self.floor + (BOTTOM if self.is_last else BOTTOM - LABEL_HEIGHT)


def ticks(most: float, about: int = TICKS) -> list[float]:
    """Return some round numbers from 0 to at least `most`."""
    most = max(most, 1e-9)
    rough = most / about
    size = 10.0 ** floor(log10(rough))
    step = next(size * factor for factor in (1, 2, 5, 10) if size * factor >= rough * 0.999)
    return [round(i * step, 10) for i in range(ceil(most / step - 1e-9) + 1)]


def number(value: float) -> str:
    """Return `1,500` for 1500, `0.5` for 0.5."""
    return f"{value:,.6g}" if abs(value) < 1e6 else f"{value:,.0f}"


def stacked(bars: Sequence[Bar], names: Sequence[str]) -> Iterator[tuple[str, list[Bar]]]:
    """Yield each series with bars from its bottom (`low`) to its top (`high`), stacked."""
    heights = [0.0] * len(bars)
    for name in names:
        series_bars = []
        for index, bar in enumerate(bars):
            low = heights[index]
            heights[index] = high = low + bar.values.get(name, 0)
            series_bars.append(Bar(bar.begin, bar.end, {"low": low, "high": high}))
        yield name, series_bars


def areas(
    frame: Frame, bars: Sequence[Bar], classes: Mapping[str, str], titles: Mapping[str, str]
) -> Iterator[str]:
    """Draw stacked areas; the series are in the order of `classes`, the first at the bottom."""
    for name, series_bars in stacked(bars, [*classes]):
        if any(bar.values["high"] > bar.values["low"] for bar in series_bars):
            title = f"<title>{escape(titles[name])}</title>"
            outline = _outline(frame, series_bars)
            yield f'<path class="area {classes[name]}" d="{outline}">{title}</path>'


def _outline(frame: Frame, bars: Sequence[Bar]) -> str:
    over = [f"H{frame.x(b.begin)}V{frame.y(b.values['high'])}H{frame.x(b.end)}" for b in bars]
    under = [f"V{frame.y(b.values['low'])}H{frame.x(b.begin)}" for b in reversed(bars)]
    start = f"M{frame.x(bars[0].begin)} {frame.y(bars[0].values['low'])}"
    return start + "".join(over) + "".join(under) + "Z"


def line(frame: Frame, bars: Iterable[Bar], name: str, style: str) -> str:
    """Draw a line through the middles of bars with a value, with gaps for the others."""
    path, pen = "", "M"
    for bar in bars:
        if name not in bar.values:
            pen = "M"
            continue
        path += f"{pen}{frame.x((bar.begin + bar.end) / 2)} {frame.y(bar.values[name])}"
        pen = "L"
    return f'<path class="line {style}" d="{path}"/>' if path else ""


def shade(frame: Frame, spans: Sequence[Span]) -> Iterator[str]:
    """Draw the failure phase as a shaded area, and a line at the start of each phase."""
    for span in spans:
        x, width = frame.x(span.begin), round(frame.x(span.end) - frame.x(span.begin), 1)
        if span.phase == "failure":
            yield (
                f'<rect class="failure" x="{x}" y="{frame.top}" width="{width}" '
                f'height="{frame.height}"/>'
            )
        if span.begin > 0:
            yield f'<line class="edge" x1="{x}" x2="{x}" y1="{frame.top}" y2="{frame.floor}"/>'


def names(frame: Frame, spans: Sequence[Span]) -> Iterator[str]:
    """Draw the names of the phases above the plot, where there is room."""
    for span in spans:
        left, right = frame.x(span.begin), frame.x(span.end)
        if right - left > WIDE * len(span.phase):
            middle = round((left + right) / 2, 1)
            yield f'<text class="phase" x="{middle}" y="14">{span.phase}</text>'


def moments(frame: Frame, marks: Sequence[Moment]) -> Iterator[str]:
    """Draw dashed lines, with their texts above the plot, each in its own row."""
    for row, mark in enumerate(marks):
        x, y = frame.x(mark.at), 14 + LABEL_HEIGHT * (row + 1)
        fits = x + 8 + WIDE * len(mark.text) < WIDTH
        side, dx = ("start", 5) if fits else ("end", -5)
        yield f'<line class="moment" x1="{x}" x2="{x}" y1="{y - 10}" y2="{frame.floor}"/>'
        yield (
            f'<text class="mark" x="{round(x + dx, 1)}" y="{y}" text-anchor="{side}">'
            f"{escape(mark.text)}</text>"
        )


def axes(frame: Frame, upright: str) -> Iterator[str]:
    """Draw grid, numbers and labels of both axes."""
    for value in ticks(frame.most, max(2, frame.height // 45)):
        y = frame.y(value)
        yield f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y}" y2="{y}"/>'
        yield f'<text class="tick y" x="{LEFT - 6}" y="{y + 4}">{number(value)}</text>'
    for at in ticks(frame.until, 10):
        if at <= frame.until:
            x, y = frame.x(at), frame.floor
            yield f'<line class="grid" x1="{x}" x2="{x}" y1="{y}" y2="{y + 4}"/>'
            yield f'<text class="tick x" x="{x}" y="{y + 18}">{number(at)}</text>'
    middle, across = frame.top + frame.height / 2, (LEFT + WIDTH - RIGHT) / 2
    if frame.is_last:
        yield f'<text class="axis" x="{across}" y="{frame.whole - 8}">{TIME}</text>'
    yield (
        f'<text class="axis" x="14" y="{middle}" transform="rotate(-90 14 {middle})">'
        f"{escape(upright)}</text>"
    )


def picture(frame: Frame, name: str, title: str, about: str, parts: Iterable[str]) -> str:
    """Return an SVG with a title and a description; `name` is unique in the page."""
    return (
        f'<svg role="img" viewBox="0 0 {WIDTH} {frame.whole}" '
        f'aria-labelledby="{name}-title {name}-about">'
        f'<title id="{name}-title">{escape(title)}</title>'
        f'<desc id="{name}-about">{escape(about)}</desc>' + "".join(parts) + "</svg>"
    )
