"""Line charts over a day as SVG, one panel above the other; readable on light and dark pages."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, log10

WIDTH, PANEL, GAP, LEFT, RIGHT, TOP, BOTTOM = 900, 150, 46, 70, 20, 34, 34
COLOURS = ("#d1570b", "#1f6feb", "#1a7f37")
INK, FAINT, PAPER = "#24292f", "#d8dee4", "#ffffff"


@dataclass(frozen=True)
class Curve:
    """One value for each step of the day."""

    name: str
    values: Sequence[float]


@dataclass(frozen=True)
class Panel:
    """``bound``: a level drawn across, with its name."""

    title: str
    curves: Sequence[Curve]
    bound: tuple[str, float] | None = None


def draw(title: str, panels: Sequence[Panel]) -> str:
    """An SVG document; the first value is midnight's, the last the next midnight's."""
    height = TOP + len(panels) * (PANEL + GAP) + BOTTOM - GAP
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        f'font-family="system-ui, sans-serif" font-size="12" fill="{INK}" role="img">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{WIDTH}" height="{height}" fill="{PAPER}"/>',
    ]
    for number, panel in enumerate(panels):
        parts.append(_panel(panel, TOP + number * (PANEL + GAP)))
    parts.append("</svg>\n")
    return "\n".join(parts)


def _panel(panel: Panel, top: float) -> str:
    most = max(
        [*(max(curve.values, default=0.0) for curve in panel.curves), panel.bound[1] if panel.bound else 0.0]
    )
    step = _step(most)
    end = step * max(1, ceil(most / step))
    if panel.bound and panel.bound[1] > end - step / 2:
        # Room for its name.
        end += step
    parts = [f'<text x="{LEFT}" y="{top - 10}" font-weight="600">{escape(panel.title)}</text>']
    level = 0.0
    while level <= end + step / 2:
        y = _y(level, end, top)
        parts.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="{FAINT}"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{level:,g}</text>')
        level += step
    for hour in range(0, 25, 3):
        x = LEFT + (WIDTH - LEFT - RIGHT) * hour / 24
        parts.append(f'<text x="{x:.1f}" y="{top + PANEL + 16}" text-anchor="middle">{hour:02d}</text>')
    if panel.bound:
        name, value = panel.bound
        y = _y(value, end, top)
        parts.append(
            f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="{INK}" stroke-dasharray="5 4"/>'
        )
        parts.append(f'<text x="{LEFT + 6}" y="{y - 5:.1f}" font-size="11">{escape(name)}</text>')
    for number, curve in enumerate(panel.curves):
        colour = COLOURS[number % len(COLOURS)]
        parts.append(
            f'<path d="{_path(curve.values, end, top)}" fill="none" stroke="{colour}" stroke-width="1.5"/>'
        )
        x = WIDTH - RIGHT - 150 * (len(panel.curves) - number)
        parts.append(f'<rect x="{x}" y="{top - 19}" width="12" height="3" fill="{colour}"/>')
        parts.append(f'<text x="{x + 18}" y="{top - 13}">{escape(curve.name)}</text>')
    return "\n".join(parts)


def _path(values: Sequence[float], end: float, top: float) -> str:
    last = max(1, len(values) - 1)
    points = (
        f"{LEFT + (WIDTH - LEFT - RIGHT) * number / last:.1f} {_y(value, end, top):.1f}"
        for number, value in enumerate(values)
    )
    return "M" + "L".join(points)


def _y(value: float, end: float, top: float) -> float:
    return top + PANEL * (1 - value / end)


def _step(most: float) -> float:
    """Three to six lines, at round numbers."""
    if most <= 0:
        return 1.0
    power = 10.0 ** int(log10(most) // 1)
    for factor in (0.2, 0.5, 1.0, 2.0):
        if most / (power * factor) <= 6:
            return power * factor
    return power * 5
