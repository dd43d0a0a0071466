"""`python plot.py FIGURES FOLDER`: draw `benchmarks.png` and `growth.png`. It needs matplotlib, and nothing of ours.

Colours are those of Okabe and Ito (2008), which people who see fewer colours tell apart.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl

mpl.use("agg")

import matplotlib.pyplot as plt

_RIVALS: Final = {
    "django": ("Django REST framework", "#0072B2"),
    "fastapi": ("FastAPI + async ORM", "#009E73"),
    "pocketbase": ("PocketBase (less durable)", "#E69F00"),
    "bare": ("the limit: a bare Litestar handler", "#999999"),
}
_FLOOR: Final = 0.25
_CEILING: Final = 64
_TICKS: Final = (0.25, 0.5, 1, 2, 4, 8, 16, 32)
_STORES: Final = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
_WORKLOADS: Final = {"get": "read one", "list": "list of 20", "create": "create", "update": "update"}
_LINES: Final = {
    "get": ("read one", "#0072B2", "o"),
    "list": ("first page of the list", "#009E73", "s"),
    "search, a rare word": ("search, a rare word", "#CC79A7", "^"),
    "search, one post in 100": ("search, one post in 100", "#D55E00", "v"),
    "create": ("create", "#E69F00", "D"),
}

Figures = Sequence[Mapping[str, Any]]


def draw_ratios(figures: Figures, file: Path) -> None:
    """Plot the speed relative to others, on a scale of powers of two."""
    figure, panels = plt.subplots(1, len(_STORES), figsize=(11, 4.6), sharey=True, layout="constrained")
    for panel, (store, title) in zip(panels, _STORES.items(), strict=True):
        _draw_store(panel, [each for each in figures if each["store"] == store], title)
    handles = [plt.Rectangle((0, 0), 1, 1, color=colour) for _, colour in _RIVALS.values()]
    labels = [name for name, _ in _RIVALS.values()]
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False, fontsize=10)
    figure.suptitle("The blog's requests per second on one core, as a multiple of each competitor's", fontsize=12)
    figure.savefig(file, dpi=160)
    plt.close(figure)


def _draw_store(panel: Any, figures: Figures, title: str) -> None:
    for at, workload in enumerate(_WORKLOADS):
        bars = [each for each in figures if each["workload"] == workload]
        for number, each in enumerate(bars):
            x = at + (number - (len(bars) - 1) / 2) * 0.21
            reached = each["reached"]
            spread = [[max(0, reached - each["low"])], [max(0, each["high"] - reached)]]
            colour = _RIVALS[each["rival"]][1]
            panel.bar(x, reached - _FLOOR, 0.19, bottom=_FLOOR, color=colour, yerr=spread, ecolor="#444444", capsize=2)
            panel.text(x, each["high"] * 1.06, _short(reached), ha="center", va="bottom", fontsize=8)
    panel.set_yscale("log", base=2)
    panel.set_ylim(_FLOOR, _CEILING)
    panel.set_yticks(_TICKS, [f"{tick:g}×" for tick in _TICKS])  # noqa: RUF001 - the sign is meant
    panel.set_xticks(range(len(_WORKLOADS)), list(_WORKLOADS.values()))
    panel.axhline(1, color="#222222", linewidth=1)
    panel.grid(axis="y", color="#e4e4e4")
    panel.set_axisbelow(True)
    panel.set_title(title, fontsize=11)
    panel.spines[["top", "right"]].set_visible(False)


def _short(value: float) -> str:
    return f"{value:.2g}" if value < 10 else f"{value:.0f}"  # noqa: PLR2004 - two digits tell enough in a picture


def draw_growth(figures: Figures, file: Path) -> None:
    """Plot the duration of a request by the number of posts; both scales are logarithmic."""
    figure, panels = plt.subplots(1, len(_STORES), figsize=(11, 4.4), sharey=True, layout="constrained")
    for panel, (store, title) in zip(panels, _STORES.items(), strict=True):
        for what, (label, colour, marker) in _LINES.items():
            line = [(each["posts"], each["ms"]) for each in figures if each["store"] == store and each["what"] == what]
            if line:
                panel.plot(*zip(*line, strict=True), color=colour, marker=marker, label=label)
        panel.set_xscale("log")
        panel.set_yscale("log")
        panel.set_xlabel("posts")
        panel.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}".replace(",", " "))
        panel.minorticks_off()
        panel.grid(which="major", color="#e4e4e4")
        panel.set_title(title, fontsize=11)
        panel.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylabel("one request at a time, median")
    panels[0].set_ylim(0.1, max(20, *(2 * each["ms"] for each in figures)))
    panels[0].yaxis.set_major_formatter(lambda value, _: f"{value:g} ms")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=5, frameon=False)
    figure.suptitle("Latency of requests by the number of stored posts", fontsize=12)
    figure.savefig(file, dpi=160)
    plt.close(figure)


def main() -> None:
    figures = [json.loads(line) for line in Path(sys.argv[1]).read_text().splitlines()]
    folder = Path(sys.argv[2])
    ratios = [each for each in figures if each["kind"] == "ratio"]
    grown = [each for each in figures if each["kind"] == "grown"]
    if ratios:
        draw_ratios(ratios, folder / "benchmarks.png")
    if grown:
        draw_growth(grown, folder / "growth.png")


if __name__ == "__main__":
    main()
