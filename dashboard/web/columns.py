"""Columns of a list page, declared once: what a header says, how it sorts, how its cells are classed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import QueryDict

from dashboard.order_text import order_by, order_in
from dashboard.web.links import query


@dataclass(frozen=True)
class Column:
    """One column; `best_first` is the ordering of the first click, the largest value first when it is empty.

    `key` names the definition that the header of a column that does not sort leads to.
    """

    name: str
    label: str
    unit: str = ""
    tip: str = ""
    css: str = ""
    number: bool = True
    sortable: bool = True
    best_first: str = ""
    key: str = ""

    def header(self, params: QueryDict, ordering: str) -> dict[str, Any]:
        """Return what the header's template needs; a click on the column in force turns its order round."""
        header = {
            "column": self,
            "css": f"{'num ' if self.number else ''}{self.css}".strip(),
            "href": "",
            "sorted": "",
            "arrow": "",
        }
        if not self.sortable:
            return header
        name, is_descending = next(order_in(ordering))  # of several fields the first
        if name != self.name:
            first = self.best_first or order_by(self.name, descending=True)
            return header | {"href": query(params, ordering=first)}
        turned = order_by(self.name, descending=not is_descending)
        word, arrow = ("descending", "↓") if is_descending else ("ascending", "↑")
        return header | {"href": query(params, ordering=turned), "sorted": word, "arrow": arrow}
