"""Which test files need a package that is not installed, read from the source, without importing anything."""

import ast
import importlib.util
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# of what `make setup WITH=train` leaves out, all that is imported here
OF_EXTRACTION = (
    "av", "dask", "decord", "distributed", "mmcv", "mmengine", "mmpose", "requests", "scipy", "torchvision",
    "ultralytics", "xtcocotools",
)  # fmt: skip


def absent() -> set[str]:
    """Return the packages of extraction that are not installed."""
    return {name for name in OF_EXTRACTION if importlib.util.find_spec(name) is None}


def left_out(missing: set[str]) -> dict[Path, set[str]]:
    """Return test file -> packages that it, or a file of ours that it imports, would miss at once."""
    needs = {path: packages_of(path) & missing for path in sorted(ROOT.glob("tests/*/test_*.py"))}
    return {path: names for path, names in needs.items() if names}


def packages_of(path: Path) -> set[str]:
    """Return the packages that are imported when a file is, directly or through files of ours."""
    found: set[str] = set()
    seen, queue = {path}, [path]
    for each in queue:
        for module in _imports(each):
            files = _files(module)
            queue += files - seen
            seen |= files
            if not files:
                found.add(module.partition(".")[0])
    return found


@cache
def _imports(path: Path) -> tuple[str, ...]:
    """Return the modules that a file imports outside functions; of ``from a import b`` also ``a.b``."""
    return tuple(_walk(ast.parse(path.read_text(encoding="utf-8"))))


def _walk(node: ast.AST) -> Iterator[str]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            yield from (alias.name for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            yield str(child.module)
            yield from (f"{child.module}.{alias.name}" for alias in child.names)
        elif not isinstance(child, ast.FunctionDef) and not _is_for_types(child):
            yield from _walk(child)


def _is_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


@cache
def _files(module: str) -> frozenset[Path]:
    """Return the files of ours that an import of a module runs: its own, and the packages around it."""
    parts = module.split(".")
    places = [ROOT.joinpath(*parts[:number]) for number in range(1, len(parts) + 1)]
    candidates = [path for place in places for path in (place / "__init__.py", place.with_suffix(".py"))]
    return frozenset(path for path in candidates if path.is_file())
