"""Answers: rows with an interval for every estimate, and a report."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, Iterator, Literal, NamedTuple

from . import _native

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow

Errors = Literal["auto", "columns", "none"]

_ROWS_SHOWN = 100


class Cell(NamedTuple):
    """An estimate with its interval."""

    estimate: float | None
    """The estimate; None where it is NULL."""
    lower: float | None
    """The lower end; None where there is none."""
    upper: float | None
    """The upper end; None where there is none."""
    trust: str
    """``exact``, ``trusted`` or ``untrusted``."""


class Answer:
    """The answer of one statement.

    It shows itself as a table, with intervals in the numbers, in terminals and notebooks. Arrow libraries read it directly:
    ``pyarrow.table(answer)``, ``polars.DataFrame(answer)``.
    """

    def __init__(self, native: _native.Answer) -> None:
        self._native = native

    @property
    def columns(self) -> list[str]:
        """The names of the columns, as the query wrote them."""
        return [name for name, _, _ in self._native.columns()]

    @property
    def types(self) -> list[str]:
        """The SQL types of the columns."""
        return [kind for _, kind, _ in self._native.columns()]

    @property
    def roles(self) -> list[str]:
        """``key`` (grouped by), ``estimate`` (computed from an aggregate) or ``value``, for each column."""
        return [role for _, _, role in self._native.columns()]

    @property
    def report(self) -> dict[str, Any]:
        """How the answer was computed: mode, met, sample, level, rows_read, elapsed_ms, warnings and more."""
        return json.loads(self._native.report_json())

    @property
    def met(self) -> bool | None:
        """Whether every stated bound holds; None without bounds."""
        return self.report["met"]

    @property
    def is_exact(self) -> bool:
        """Whether every number was computed from the whole table."""
        return self._native.is_exact()

    @property
    def error_reached(self) -> float | None:
        """The largest error of any estimate, as a fraction, or in the column's unit where the stated error is absolute."""
        return self._native.error_reached()

    def cells(self, column: str) -> list[Cell]:
        """The estimates of a column with their intervals, one for each row."""
        return [Cell(*cell) for cell in self._native.cells(column)]

    def rows(self) -> list[tuple[Any, ...]]:
        """The rows as tuples of Python values, without intervals."""
        return self._native.table("none").rows()

    def __len__(self) -> int:
        return len(self._native)

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        return iter(self.rows())

    def scalar(self) -> Any:
        """The only value of an answer with one row and one column."""
        if len(self) != 1 or len(self.columns) != 1:
            raise ValueError(f"the answer has {len(self)} rows and {len(self.columns)} columns, not one of each")
        return self.rows()[0][0]

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self._native.table("auto").__arrow_c_stream__(requested_schema)

    def to_arrow(self, errors: Errors = "auto") -> pyarrow.Table:
        """A ``pyarrow.Table``. For each estimate ``x`` it has the columns ``x_lo``, ``x_hi`` and ``x_trust``: where a number is not
        exact (``errors="auto"``), always (``"columns"``) or never (``"none"``). The schema's metadata has the report."""
        import pyarrow

        return pyarrow.table(self._native.table(errors))

    def to_pandas(self, errors: Errors = "auto") -> pandas.DataFrame:
        """A ``pandas.DataFrame``; ``errors`` as in :meth:`to_arrow`. Needs pyarrow."""
        frame = self.to_arrow(errors).to_pandas()
        frame.attrs["plusminus"] = self.report
        return frame

    def to_polars(self, errors: Errors = "auto") -> polars.DataFrame:
        """A ``polars.DataFrame``; ``errors`` as in :meth:`to_arrow`."""
        import polars

        return polars.DataFrame(self._native.table(errors))

    def plot(self, file: str | Path | None = None) -> Plot:
        """A chart of the estimates with their intervals; ``file`` (``.svg`` or ``.png``) saves it, too."""
        plot = Plot(self._native)
        if file is not None:
            plot.save(file)
        return plot

    def to_markdown(self) -> str:
        """The answer as a table in Markdown."""
        return self._native.markdown()

    def __str__(self) -> str:
        return self._native.text(None, _ROWS_SHOWN).rstrip("\n")

    def __repr__(self) -> str:
        return self._native.text(shutil.get_terminal_size((120, 24)).columns, _ROWS_SHOWN).rstrip("\n")

    def _repr_html_(self) -> str:
        return self._native.html()


class Plot:
    """A chart, shown in notebooks as SVG."""

    def __init__(self, native: _native.Answer) -> None:
        self._native = native
        self.svg: str = native.svg()
        """The chart as SVG."""

    def save(self, file: str | Path) -> None:
        """Writes the chart to a file that ends with ``.svg`` or ``.png``."""
        file = Path(file)
        if file.suffix.lower() == ".png":
            file.write_bytes(bytes(self._native.png()))
        elif file.suffix.lower() == ".svg":
            file.write_text(self.svg, encoding="utf-8")
        else:
            raise ValueError(f"plots are written as .svg or .png, not as {file.name!r}")

    def _repr_svg_(self) -> str:
        return self.svg
