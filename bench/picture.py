"""The results as a picture, in SVG."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from xml.sax.saxutils import escape

import attrs

from bench.figures import Figure, three_digits
from bench.results import Results

WIDTH, LEFT, RIGHT, BAR, GAP, HEAD = 900, 150, 190, 22, 10, 64
INK, FAINT, FILL, OTHERS, OURS = "#1f2328", "#57606a", "#ffffff", "#8c959f", "#0969da"
_OPENING = (
    f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {{height}}" font-family="system-ui, sans-serif" '
    'font-size="14" role="img" aria-label="CPU time of each gateway per request and per streamed event">\n{ground}\n'
)


@attrs.frozen
class Bar:
    """One target's value in a panel."""

    name: str
    value: Figure


@attrs.frozen
class Panel:
    """One kind of value of several targets."""

    title: str
    unit: str
    bars: tuple[Bar, ...]

    @property
    def height(self) -> int:
        """How much room it takes."""
        return HEAD + len(self.bars) * (BAR + GAP)


def picture(results: Results) -> str:
    """Return a picture of the CPU time per request and per event of every target, on logarithmic scales."""
    panels = [
        _panel(results, "plain-32", "cpu_us", "CPU time per request, 32 at a time, 1 KB each way"),
        _panel(results, "paced-64", "event_cpu_us", "CPU time per streamed event, 64 streams, an event every 10 ms"),
    ]
    shown = [panel for panel in panels if panel.bars]
    height = sum(panel.height for panel in shown) + 20
    parts: list[str] = []
    top = 0
    for panel in shown:
        parts += _drawn(panel, top)
        top += panel.height
    return _OPENING.format(height=height, ground=_rect(0, 0, WIDTH, height, FILL)) + "\n".join([*parts, "</svg>\n"])


def _rect(x: float, y: float, width: float, height: float, fill: str) -> str:
    return f'<rect x="{x:.0f}" y="{y:.0f}" width="{width:.1f}" height="{height:.0f}" fill="{fill}"/>'


def _text(x: float, y: float, fill: str, text: str, more: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.0f}" fill="{fill}"{more}>{escape(text)}</text>'


def _panel(results: Results, cell: str, name: str, title: str) -> Panel:
    found = [(about.target, results.figure(about.target, cell, name)) for about in results.about]
    bars = [Bar(target, value) for target, value in found if value is not None and value.median > 0]
    return Panel(title, "µs", tuple(sorted(bars, key=lambda bar: bar.value.median)))


def _drawn(panel: Panel, top: int) -> Sequence[str]:
    least = math.floor(math.log10(min(bar.value.low for bar in panel.bars)))
    most = math.log10(max(bar.value.high for bar in panel.bars))

    def across(value: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (math.log10(value) - least) / max(most - least, 0.1)

    parts = [_text(20, top + 34, INK, f"{panel.title} (logarithmic)", ' font-weight="600"')]
    limit = next((bar.value.median for bar in panel.bars if bar.name == "nginx"), None)
    for number, bar in enumerate(panel.bars):
        parts += _bar(bar, panel.unit, top + HEAD - 8 + number * (BAR + GAP), across, limit)
    return parts


def _bar(bar: Bar, unit: str, y: int, across: Callable[[float], float], limit: float | None) -> Sequence[str]:
    value = bar.value
    times = "" if limit is None else f" · {three_digits(value.median / limit)} × nginx"
    middle = y + BAR / 2
    fill = OURS if bar.name.startswith("ours") else OTHERS
    said = f"{three_digits(value.median)} {unit}{times}"
    return (
        _text(LEFT - 10, middle + 5, INK, bar.name, ' text-anchor="end"'),
        _rect(LEFT, y, across(value.median) - LEFT, BAR, fill),
        f'<path d="M{across(value.low):.1f} {middle:.0f}H{across(value.high):.1f}" stroke="{INK}" stroke-width="2"/>',
        _text(across(value.high) + 8, middle + 5, FAINT, said),
    )
