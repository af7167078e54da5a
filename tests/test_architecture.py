"""What reviewers forget: which way imports point, how long things are, that every command is tried by a test."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("dashboard", "sessions_app", "bots_app")
HTTP = ("django.http", "django.views", "django.shortcuts", "rest_framework", "dashboard.api", "dashboard.web")
STORE = ("redis", "dashboard.store", "django.core.cache", "django_redis")
REGISTRIES = (
    "sessions_app.registry",
    "bots_app.registry",
    "bots_app.trades",
    "bots_app.performance",
)
#: Modules (with all below them) and what they must not import, at whatever place in the file.
FORBIDDEN = {
    "dashboard.errors": ("dashboard", *PACKAGES[1:], "django", "redis"),
    "dashboard.store": (*HTTP, "sessions_app", "bots_app"),
    "dashboard": ("sessions_app", "bots_app"),
    "sessions_app": ("bots_app", "redis"),
    "bots_app": ("redis",),
    "sessions_app.records": (*HTTP, *STORE),
    "bots_app.records": (*HTTP, *STORE),
    "bots_app.metrics": (*HTTP, *STORE),
    "bots_app.analysis": (*HTTP, *STORE),
    "bots_app.expressions": ("django", "dashboard", *HTTP, *STORE),
    "bots_app.importers": (*HTTP, *STORE),
    "dashboard.api": ("redis",),
    "dashboard.web": ("redis",),
} | dict.fromkeys(REGISTRIES, HTTP)
#: The one module that knows every app.
EXEMPT = ("dashboard.urls",)
MOST_LINES, MOST_LINES_OF_FUNCTION, MOST_LINES_OF_SCRIPT = 400, 50, 100


@cache
def modules() -> dict[str, ast.Module]:
    """Return every module of the project by its dotted name."""
    found = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            found[name] = ast.parse(path.read_text())
    return found


def imports(nodes: Iterator[ast.AST]) -> Iterator[str]:
    """Yield the names that import statements bring; of `from a import b` both `a` and `a.b`."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def is_below(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


@pytest.mark.parametrize("package", FORBIDDEN)
def test_imports_point_one_way(package):
    wrong = [
        f"{module} imports {name}"
        for module, tree in modules().items()
        if is_below(module, package) and module not in EXEMPT
        for name in imports(ast.walk(tree))
        if any(is_below(name, forbidden) for forbidden in FORBIDDEN[package])
    ]
    assert not wrong


def test_the_driver_is_imported_by_the_store_alone():
    wrong = [
        module
        for module, tree in modules().items()
        if not is_below(module, "dashboard.store") and any(is_below(name, "redis") for name in imports(ast.walk(tree)))
    ]
    assert not wrong


def test_no_modules_import_each_other_in_a_circle():
    known = modules()
    graph = {name: {one for one in imports(iter(tree.body)) if one in known} for name, tree in known.items()}
    done: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> None:
        assert name not in path, f"a circle: {' -> '.join([*path[path.index(name) :], name])}"
        if name not in done:
            for other in sorted(graph[name] - {name}):
                visit(other, (*path, name))
            done.add(name)

    for name in graph:
        visit(name, ())


def python_files() -> list[Path]:
    return [path for package in (*PACKAGES, "tests") for path in sorted((ROOT / package).rglob("*.py"))]


def test_no_file_is_too_long():
    lengths = {path: len(path.read_text().splitlines()) for path in python_files()}
    assert not {str(path.relative_to(ROOT)): lines for path, lines in lengths.items() if lines > MOST_LINES}


def test_no_function_is_too_long():
    wrong = [
        f"{path.relative_to(ROOT)}: {node.name} has {node.end_lineno - node.lineno + 1} lines"
        for path in python_files()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno - node.lineno + 1 > MOST_LINES_OF_FUNCTION
    ]
    assert not wrong


def test_no_script_is_too_long():
    lengths = {path.name: len(path.read_text().splitlines()) for path in sorted(ROOT.glob("dashboard/store/**/*.lua"))}
    assert lengths
    assert not {name: lines for name, lines in lengths.items() if lines > MOST_LINES_OF_SCRIPT}


def commands() -> list[str]:
    paths = (path for package in PACKAGES for path in (ROOT / package).glob("management/commands/*.py"))
    return sorted(path.stem for path in paths if not path.stem.startswith("_"))


@pytest.mark.parametrize("command", commands())
def test_every_command_is_tried_by_a_test(command):
    words = {
        node.value
        for path in sorted((ROOT / "tests").rglob("test_*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    assert command in words, f"no test calls manage.py {command}"
