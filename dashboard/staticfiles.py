"""Finds the one static file that a package brings outside a `static` folder: Plotly's script."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from django.contrib.staticfiles.finders import BaseFinder
from django.core.files.storage import FileSystemStorage, Storage


class PlotlyFinder(BaseFinder):
    """Offer the installed package's script as `plotly/plotly.min.js`, without importing the package."""

    FILE = "plotly.min.js"
    PREFIX = "plotly"

    def __init__(self) -> None:
        spec = find_spec("plotly")
        if spec is None or spec.origin is None:
            raise ModuleNotFoundError("plotly is not installed; run `make install`.")
        self.storage = FileSystemStorage(location=Path(spec.origin).parent / "package_data")
        self.storage.prefix = self.PREFIX  # type: ignore[attr-defined]  # read by collectstatic

    def find(self, path: str, find_all: bool = False, **kwargs: Any) -> Any:
        """Return where the script lies if that is what is asked for."""
        if path != f"{self.PREFIX}/{self.FILE}":
            return []
        found = self.storage.path(self.FILE)
        return [found] if find_all else found

    def list(self, ignore_patterns: Iterable[str] | None) -> Iterator[tuple[str, Storage]]:
        """Yield the script alone; the rest of the folder is of no use in a browser."""
        yield self.FILE, self.storage
