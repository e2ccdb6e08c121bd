"""SVG plots without a library: lines over logarithmic axes, and bars."""
import html
import math

COLOURS = {     # Okabe and Ito's palette, which the colour-blind can tell apart
    "pgfeed": "#0072b2", "lighttpd": "#009e73", "apache": "#d55e00",
    "nchan": "#cc79a7", "node": "#e69f00", "php": "#808080",
    "pushpin": "#56b4e9", "floor": "#808080", "libpq": "#808080"}
WIDTH, HEIGHT = 760, 400
LEFT, RIGHT, TOP, BOTTOM = 70, 235, 46, 50

STYLE = """<style>
text{font:13px system-ui,sans-serif;fill:#222}
.t{font-weight:600;font-size:15px}.g{stroke:#8886;stroke-width:1}
.a{fill:#666}
@media(prefers-color-scheme:dark){text{fill:#ddd}.a{fill:#aaa}}
</style>"""


def short(n):
    """1500 as 1.5k."""
    for unit, name in ((1e6, "M"), (1e3, "k")):
        if n >= unit:
            return f"{n / unit:.3g}{name}"
    return f"{n:.3g}"


def text(x, y, words, cls="", anchor="start", extra=""):
    return (f'<text x="{x:.1f}" y="{y:.1f}" class="{cls}" '
            f'text-anchor="{anchor}" {extra}>{html.escape(words)}</text>')


def frame(title, parts, height=HEIGHT):
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" '
            f'height="{height}" viewBox="0 0 {WIDTH} {height}" role="img">'
            f"<title>{html.escape(title)}</title>{STYLE}"
            + text(16, 24, title, "t") + "".join(parts) + "</svg>\n")


def decades(low, high):
    """1, 2 and 5 times the powers of ten from low to high."""
    ticks, power = [], 10 ** math.floor(math.log10(low))
    while power <= high:
        ticks += [m * power for m in (1, 2, 5) if low <= m * power <= high]
        power *= 10
    return ticks


def lines(title, series, x_label, y_label, y_unit=""):
    """series: {peer: (name, dashed, [(x, y), ...])}; both axes logarithmic."""
    points = [p for _, _, line in series.values() for p in line]
    xs, ys = [p[0] for p in points], [p[1] for p in points]
    x0, x1 = min(xs), max(max(xs), min(xs) * 2)
    y0, y1 = min(ys) / 1.3, max(ys) * 1.3
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM

    def at(x, y):
        return (LEFT + (math.log(x / x0) / math.log(x1 / x0)) * (right - LEFT),
                bottom - (math.log(y / y0) / math.log(y1 / y0)) *
                (bottom - TOP))

    parts = []
    for tick in decades(y0, y1):
        _, y = at(x0, tick)
        parts.append(f'<path class="g" d="M{LEFT} {y:.1f}H{right}"/>')
        parts.append(text(LEFT - 8, y + 4, short(tick) + y_unit, "a", "end"))
    for tick in sorted(set(xs)):
        x, _ = at(tick, y0)
        parts.append(f'<path class="g" d="M{x:.1f} {TOP}V{bottom}"/>')
        parts.append(text(x, bottom + 18, short(tick), "a", "middle"))
    parts.append(text((LEFT + right) / 2, HEIGHT - 10, x_label, "a", "middle"))
    parts.append(text(16, 40, y_label, "a"))

    ends = []
    for peer, (name, dashed, line) in series.items():
        colour = COLOURS.get(peer, "#888")
        path = "L".join("{:.1f} {:.1f}".format(*at(*p)) for p in sorted(line))
        dash = ' stroke-dasharray="6 4"' if dashed else ""
        parts.append(f'<path d="M{path}" fill="none" stroke="{colour}" '
                     f'stroke-width="2.5"{dash}/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" '
                  f'fill="{colour}"/>' for x, y in (at(*p) for p in line)]
        ends.append((at(*max(line)), name, colour))
    # Names stand where the lines end, moved apart where they would touch.
    below = TOP - 16
    for (x, y), name, colour in sorted(ends, key=lambda e: e[0][1]):
        below = max(below + 16, y + 4)
        parts.append(text(right + 10, below, name, "",
                          extra=f'style="fill:{colour};font-weight:600"'))
    return frame(title, parts)


def bars(title, rows, unit, log=False):
    """rows: [(peer, name, value, note)]; the longest bar fills the width."""
    left, right, step = 210, WIDTH - 130, 30
    most = max(value for _, _, value, _ in rows) or 1
    low = min([value for _, _, value, _ in rows if value > 0] or [1]) / 2
    parts = []
    for i, (peer, name, value, note) in enumerate(rows):
        y = TOP + i * step
        if log:
            part = math.log(max(value, low) / low) / math.log(most / low)
        else:
            part = value / most
        parts.append(text(left - 10, y + 15, name, "", "end"))
        parts.append(f'<rect x="{left}" y="{y}" height="20" rx="2" '
                     f'width="{max(1, part * (right - left)):.1f}" '
                     f'fill="{COLOURS.get(peer, "#888")}"/>')
        parts.append(text(left + part * (right - left) + 8, y + 15,
                          f"{short(value)}{unit}{note}"))
    if log:
        parts.append(text(left, TOP + len(rows) * step + 12,
                          "bars are logarithmic", "a"))
    return frame(title, parts, TOP + len(rows) * step + 24)
