"""Draw which packages of the blog import which, as a Mermaid flowchart made from the code.

python tools/draw_imports.py            prints the picture
python tools/draw_imports.py --write    puts it into ARCHITECTURE.md, between its two markers
"""

import sys
from pathlib import Path
from typing import Final

import grimp

ROOT: Final = Path(__file__).parents[1]
ARCHITECTURE: Final = ROOT / "ARCHITECTURE.md"
BEGIN: Final = "<!-- imports: begin, by tools/draw_imports.py --write -->\n"
END: Final = "<!-- imports: end -->"

_ROOT_PACKAGE: Final = "blog"
_DRAWN_BY_PART: Final = ("blog.entrypoints", "blog.adapters")
"""Packages of which each part has a box of its own."""
_GROUPS: Final = ("entrypoints", "", "adapters", "domain")
"""From the top of the picture to its bottom. Boxes of "" are in no frame."""


def picture() -> str:
    """Return the flowchart: a box for each package, an arrow from each package to each one that it imports."""
    graph = grimp.build_graph(_ROOT_PACKAGE, cache_dir=None)
    groups = boxes_of(graph)
    packages = [package for group in groups.values() for package in group]
    arrows = set()
    for importer in graph.modules:
        for imported in graph.find_modules_directly_imported_by(importer):
            start, end = _package(importer, packages), _package(imported, packages)
            if start and end and start != end:
                arrows.add((start, end))
    lines = ["flowchart TD"]
    for group, members in groups.items():
        lines += [f"  subgraph {group}"] if group else []
        lines += [f"    {_box(package)}[{package.removeprefix('blog.')}]" for package in members]
        lines += ["  end"] if group else []
    lines += [f"  {_box(importer)} --> {_box(imported)}" for importer, imported in sorted(arrows)]
    return "```mermaid\n" + "\n".join(lines) + "\n```\n"


def boxes_of(graph: grimp.ImportGraph) -> dict[str, list[str]]:
    """Return the packages that have a box, by group: all parts of the entrypoints and the adapters, and all others."""
    boxes: dict[str, list[str]] = {group: [] for group in _GROUPS}
    for package in sorted(graph.find_children(_ROOT_PACKAGE)):
        name = package.removeprefix(f"{_ROOT_PACKAGE}.")
        if package in _DRAWN_BY_PART:
            boxes[name] += sorted(graph.find_children(package))
        elif not name.startswith("__"):
            boxes[name if name in boxes else ""].append(package)
    return boxes


def _package(module: str, packages: list[str]) -> str | None:
    return next((package for package in packages if f"{module}.".startswith(f"{package}.")), None)


def _box(package: str) -> str:
    return package.removeprefix("blog.").replace(".", "_")


def main() -> None:
    """Print the picture, or put it into its place."""
    if sys.argv[1:] != ["--write"]:
        sys.stdout.write(picture())
        return
    text = ARCHITECTURE.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    ARCHITECTURE.write_text(f"{before}{BEGIN}{picture()}{END}{rest.partition(END)[2]}", encoding="utf-8")


if __name__ == "__main__":
    main()
