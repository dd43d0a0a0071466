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

_PACKAGES: Final = {
    "entrypoints": ("blog.entrypoints.cli", "blog.entrypoints.http", "blog.entrypoints.server"),
    "": ("blog.bootstrap", "blog.settings", "blog.testing"),
    "adapters": (
        "blog.adapters.memory",
        "blog.adapters.sql",
        "blog.adapters.argon2",
        "blog.adapters.zxcvbn",
        "blog.adapters.system",
    ),
    "domain": ("blog.domain",),
}


def picture() -> str:
    """Return the flowchart: a box for each package, an arrow from each package to each one that it imports."""
    graph = grimp.build_graph("blog", cache_dir=None)
    packages = [package for group in _PACKAGES.values() for package in group]
    arrows = set()
    for importer in graph.modules:
        for imported in graph.find_modules_directly_imported_by(importer):
            start, end = _package(importer, packages), _package(imported, packages)
            if start and end and start != end:
                arrows.add((start, end))
    lines = ["flowchart TD"]
    for group, members in _PACKAGES.items():
        lines += [f"  subgraph {group}"] if group else []
        lines += [f"    {_box(package)}[{package.removeprefix('blog.')}]" for package in members]
        lines += ["  end"] if group else []
    lines += [f"  {_box(importer)} --> {_box(imported)}" for importer, imported in sorted(arrows)]
    return "```mermaid\n" + "\n".join(lines) + "\n```\n"


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
