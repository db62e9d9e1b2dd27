"""The map and the heat map as SVG, drawn by matplotlib for a light or a dark page.

The pictures hold only item numbers, no text of a document; the page also describes them in words. They are drawn
without pyplot, which keeps state for the whole process.
"""

from __future__ import annotations

import colorsys
import io
from typing import TYPE_CHECKING, Literal, get_args

import matplotlib as mpl
from matplotlib.figure import Figure

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes

    from longhand.web.pages.geometry import Concepts, Likeness, Projection

Theme = Literal["light", "dark"]
THEMES: tuple[Theme, ...] = get_args(Theme)

INK: dict[Theme, str] = {"light": "#1c1b1a", "dark": "#e6e1da"}
SOFT: dict[Theme, str] = {"light": "#8f877c", "dark": "#7d766d"}
PAPER: dict[Theme, str] = {"light": "#fffdfa", "dark": "#191817"}

MAP_INCHES, POINTS_PER_INCH = 8.0, 72
MARGIN = 0.05
"""Share of the map left free on every side."""
MARKERS = "os^vDPX"
"""Markers, so that sections can be told apart without colours."""
FEW_COLOURS = ("#2a86d1", "#d55e00", "#009e73", "#c46c9c", "#a87a0a", "#8d6cd9", "#b0673f", "#5f8a1f")
"""Okabe and Ito's colours for all kinds of colour vision, at a lightness legible on white and on black."""
LUMINANCE = 0.2
"""Relative luminance of all other colours, for the same reason."""
MAX_LABELS = 60


def colours_of(paths: Sequence[str]) -> dict[str, str]:
    """Return the colour of each item: its own if there are few items, else its top section's."""
    keys = {path: path if len(paths) <= len(FEW_COLOURS) else path.partition(".")[0] for path in paths}
    groups = list(dict.fromkeys(keys.values()))
    if len(groups) <= len(FEW_COLOURS):
        colours = dict(zip(groups, FEW_COLOURS, strict=False))
    else:
        colours = {group: _hue(number / len(groups)) for number, group in enumerate(groups)}
    return {path: colours[key] for path, key in keys.items()}


def markers_of(colours: Mapping[str, str]) -> dict[str, str]:
    """Return the marker of each item; items of one colour share a marker."""
    groups = list(dict.fromkeys(colours.values()))
    return {path: MARKERS[groups.index(colour) % len(MARKERS)] for path, colour in colours.items()}


def _hue(hue: float) -> str:
    low, high = 0.0, 1.0
    for _ in range(20):
        middle = (low + high) / 2
        rgb = colorsys.hls_to_rgb(hue, middle, 0.75)
        low, high = (middle, high) if luminance(rgb) < LUMINANCE else (low, middle)
    return mpl.colors.to_hex(rgb)


def luminance(rgb: tuple[float, float, float]) -> float:
    """Return the relative luminance of a colour, 0 to 1 (WCAG 2.2)."""
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in rgb]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def map_place(x: float, y: float) -> tuple[float, float]:
    """Return a projected point's place in the map, as shares from the left and from the top."""
    inner = 1.0 - 2 * MARGIN
    return MARGIN + inner * float(x), 1.0 - (MARGIN + inner * float(y))


def draw_map(concepts: Concepts, projection: Projection, theme: Theme) -> bytes:
    """Return the map: a marker for each sentence, a numbered diamond for each item's planned gist."""
    figure, axes = _figure(MAP_INCHES, MAP_INCHES)
    axes.set_position((0, 0, 1, 1))
    axes.set_axis_off()
    axes.set_xlim(-MARGIN / (1 - 2 * MARGIN), 1 + MARGIN / (1 - 2 * MARGIN))
    axes.set_ylim(-MARGIN / (1 - 2 * MARGIN), 1 + MARGIN / (1 - 2 * MARGIN))
    colours = colours_of(list(dict.fromkeys((*concepts.paths, *concepts.sections))))
    markers = markers_of(colours)
    size = 60.0 if len(concepts.places) <= 300 else 18.0
    for path in concepts.sections:
        points = projection.sentences_S2[concepts.rows_of(path)]
        axes.scatter(
            points[:, 0],
            points[:, 1],
            s=size,
            c=colours[path],
            marker=markers[path],
            alpha=0.85,
            linewidths=0,
        )
    for path, (x, y) in zip(concepts.paths, projection.items_I2.tolist(), strict=True):
        colour = colours[path]
        axes.scatter(
            [x], [y], s=110, marker="D", facecolors=PAPER[theme], edgecolors=colour, linewidths=1.8, zorder=3
        )
        if len(concepts.paths) <= MAX_LABELS:
            axes.annotate(
                path, (x, y), xytext=(8, 6), textcoords="offset points", color=INK[theme], fontsize=11,
                fontweight="bold", zorder=4, path_effects=_halo(theme),
            )  # fmt: skip
    return _svg(figure)


def draw_heat_map(likeness: Likeness, theme: Theme) -> bytes:
    """Return the heat map: a row and a column for each sentence (or section), labelled with section numbers."""
    import numpy as np

    figure, axes = _figure(8.8, 8.0)
    axes.set_position((0.06, 0.01, 0.8, 0.93))
    cosines = likeness.cosines_NN
    off_diagonal = cosines[~np.eye(len(cosines), dtype=bool)]
    low = float(np.quantile(off_diagonal, 0.02)) if off_diagonal.size else 0.0
    high = float(np.quantile(off_diagonal, 0.995)) if off_diagonal.size else 1.0
    image = axes.imshow(
        cosines, cmap="viridis", vmin=low, vmax=max(high, low + 1e-6), interpolation="nearest", aspect="equal"
    )
    for _, first, _ in likeness.bounds[1:]:
        if not likeness.is_by_section:
            axes.axhline(first - 0.5, color=PAPER[theme], linewidth=0.8)
            axes.axvline(first - 0.5, color=PAPER[theme], linewidth=0.8)
    step = max(1, len(likeness.bounds) // 30)
    labelled = likeness.bounds[::step]
    middles = [(first + end - 1) / 2 for _, first, end in labelled]
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_ticks(middles, [path for path, _, _ in labelled])
    axes.tick_params(colors=INK[theme], length=0, labelsize=10, labeltop=True, labelbottom=False)
    axes.tick_params(axis="x", labelrotation=90 if len(labelled) > 12 else 0)
    for spine in axes.spines.values():
        spine.set_color(SOFT[theme])
    bar = figure.colorbar(image, cax=figure.add_axes((0.885, 0.1, 0.025, 0.75)), extend="both")
    bar.set_label("cosine", color=INK[theme], fontsize=11)
    bar.ax.tick_params(colors=INK[theme], labelsize=10)
    bar.outline.set_edgecolor(SOFT[theme])
    return _svg(figure)


def _halo(theme: Theme) -> list[object]:
    from matplotlib.patheffects import withStroke

    return [withStroke(linewidth=3, foreground=PAPER[theme])]


def _figure(width_inches: float, height_inches: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(width_inches, height_inches), dpi=POINTS_PER_INCH)
    return figure, figure.add_subplot()


def _svg(figure: Figure) -> bytes:
    out = io.BytesIO()
    # A date would make two pictures of the same document differ.
    figure.savefig(out, format="svg", transparent=True, metadata={"Date": None})
    return out.getvalue()
