"""Sessions: a store with its tables and samples."""

from __future__ import annotations

import datetime
import os
import re
import sys
from types import FrameType
from typing import Any, Generator, Mapping, Sequence

from . import _native
from .answer import Answer

_UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "sec": 1.0, "second": 1.0, "seconds": 1.0, "min": 60.0, "minute": 60.0, "minutes": 60.0}
_SIZES = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "kib": 2**10, "mib": 2**20, "gib": 2**30}


def connect(
    store: str | os.PathLike[str] | None = None,
    *,
    threads: int | None = None,
    memory: int | str | None = None,
    seed: int | None = None,
) -> Session:
    """Opens a store: a folder with tables and samples, which the first write creates.

    ``store`` defaults to the environment variable ``PLUSMINUS_STORE``, else ``./plusminus-store``; ``memory`` is in bytes, or a text such
    as ``"4GB"``.
    """
    return Session(store, threads=threads, memory=memory, seed=seed)


class Session:
    """A store with tables and samples, and the settings of one user. It may be used from several threads."""

    def __init__(
        self,
        store: str | os.PathLike[str] | None = None,
        *,
        threads: int | None = None,
        memory: int | str | None = None,
        seed: int | None = None,
    ) -> None:
        store = store if store is not None else os.environ.get("PLUSMINUS_STORE") or "plusminus-store"
        if threads is not None and not 1 <= threads <= 1024:
            raise _native.SqlError(f"threads={threads} is no number of threads from 1 to 1024\nTry: threads=4, or none")
        # From the root on, so that the store stays where it is when the folder changes.
        self._native = _native.Session(os.path.abspath(os.fspath(store)), threads, _bytes(memory), seed)

    def sql(
        self,
        query: str,
        *,
        within: float | str | datetime.timedelta | None = None,
        error: float | str | None = None,
        error_absolute: float | None = None,
        confidence: float | str | None = None,
        on_miss: str | None = None,
        for_all_groups: bool = False,
        params: Sequence[Any] | Mapping[str, Any] | None = None,
    ) -> Answer:
        """Runs a query, or any other statement, and returns its answer. Without a bound, here or in the text, the answer is exact.

        ``within`` is a time: ``"300ms"``, seconds, or a timedelta. ``error`` is relative: ``0.05`` or ``"5%"``; ``error_absolute`` is in
        the unit of the estimates. ``confidence`` is ``0.95`` or ``"95%"``. ``on_miss`` is ``repair`` (the default), ``exact``,
        ``report``, ``omit`` or ``fail``. ``params`` are values for ``$1``, ``$2``, … or for ``$name``.

        A name in FROM that is no table of the session is looked up among the caller's variables, for this call alone: pandas and polars
        data frames, Arrow tables, and everything else with the Arrow PyCapsule interface can be queried. Of several statements the last
        one gets the bounds, and its answer is returned; parameters are for all of them.

        Raises :class:`SqlError`, :class:`DataError`, :class:`StoreError`, or :class:`BoundMissed` with the best answer as ``best``.
        """
        wishes = _wishes(within, error, error_absolute, confidence, on_miss, for_all_groups, params)
        frames = self._frames(query, sys._getframe(1))
        try:
            return Answer(self._native.sql(query, wishes, frames))
        except _native.BoundMissed as missed:
            raise _with_best(missed)

    def stream(
        self,
        query: str,
        *,
        within: float | str | datetime.timedelta | None = None,
        error: float | str | None = None,
        error_absolute: float | None = None,
        confidence: float | str | None = None,
        on_miss: str | None = None,
        for_all_groups: bool = False,
        params: Sequence[Any] | Mapping[str, Any] | None = None,
    ) -> Generator[Answer, None, None]:
        """Runs a query and yields the answer of each level that is read, the intervals ever narrower; the last one is what :meth:`sql`
        returns.

        Leaving the loop stops the query.
        """
        wishes = _wishes(within, error, error_absolute, confidence, on_miss, for_all_groups, params)
        return self._levels(self._native.stream(query, wishes, self._frames(query, sys._getframe(1))))

    def _levels(self, levels: _native.Levels) -> Generator[Answer, None, None]:
        try:
            for level in levels:
                yield Answer(level)
        except _native.BoundMissed as missed:
            raise _with_best(missed)
        finally:
            levels.close()

    def register(self, name: str, data: Any) -> Table:
        """Makes a table of a file, a folder or a glob, or of a data frame or Arrow table, in the place of one with that name, until the
        session ends (files that are sampled stay in the store). The name is read as in SQL: case does not matter."""
        if not re.fullmatch(r"[^\W\d]\w*", name):
            raise _native.SqlError(f"{name!r} is no name for a table\nTry: letters, digits and underscores")
        name = name.lower()
        if isinstance(data, (str, os.PathLike)):
            self._native.register_path(name, os.fspath(data))
        else:
            self._native.register_arrow(name, _arrow(data))
        return Table(self, name)

    def table(self, name_or_path: str | os.PathLike[str]) -> Table:
        """A table by its name, or the files at a path; a variable's data frame becomes a table of the session."""
        name = os.fspath(name_or_path)
        for found, value in self._frames(f"SELECT * FROM {_from(name)}", sys._getframe(1)):
            self._native.register_arrow(found, value)
        return Table(self, name)

    def tables(self) -> list[str]:
        """The names of the tables."""
        return self._native.tables()

    def sample(
        self,
        table: str,
        *,
        name: str | None = None,
        stratified_by: Sequence[str] | str | None = None,
        universe_on: str | None = None,
        size: str | int | float | None = None,
        cap: int | None = None,
        tail: Sequence[str] | str | None = None,
        levels: int | None = None,
        seed: int | None = None,
        replace: bool = False,
    ) -> str:
        """Draws a sample of a table and returns its name; a variable's data frame becomes a table of the session.

        ``size`` is a share such as ``"1%"`` or ``0.01``, or a number of rows (a whole number); ``cap`` is the most rows of each stratum.
        """
        for found, value in self._frames(f"SELECT * FROM {_from(table)}", sys._getframe(1)):
            self._native.register_arrow(found, value)
        def listed(names: Sequence[str]) -> str:
            return "(" + ", ".join(_quoted(name) for name in names) + ")"

        strata, tails = _names(stratified_by), _names(tail)
        if size is not None and cap is not None:
            raise _native.SqlError("size and cap exclude each other\nTry: one of them")
        if strata and universe_on is not None:
            raise _native.SqlError("a sample is stratified or keeps whole keys\nTry: two samples")
        if universe_on is not None and not isinstance(universe_on, str):
            raise _native.SqlError(f"universe_on={universe_on!r} is no column\nTry: universe_on='driver'")
        if name is None:
            name = "_".join([re.sub(r"\W+", "_", os.path.basename(table).split(".")[0]), *(["by", *strata] if strata else ["all"])]).lower()
            if universe_on is not None:
                name = name.removesuffix("_all") + "_on_" + universe_on.lower()
        words = ["CREATE", *(["OR REPLACE"] if replace else []), "SAMPLE", _quoted(name), "ON", _from(table)]
        if strata:
            words += ["STRATIFIED BY", listed(strata)]
        if universe_on is not None:
            words += ["UNIVERSE ON", listed([universe_on])]
        if cap is not None:
            words += ["CAP", str(int(cap))]
        if size is not None:
            words += ["SIZE", _size(size)]
        if tails:
            words += ["TAIL", listed(tails)]
        if levels is not None:
            words += ["LEVELS", str(int(levels))]
        if seed is not None:
            words += ["SEED", str(int(seed))]
        self._native.sql(" ".join(words), _wishes(), [])
        return name

    def samples(self) -> Answer:
        """The samples of the store."""
        return self.sql("SHOW SAMPLES")

    def interrupt(self) -> None:
        """Asks the statements that other threads run for their best answers so far; those without one end with KeyboardInterrupt."""
        self._native.interrupt()

    def close(self) -> None:
        """Ends the session; what its statements wrote stays."""
        self._native.interrupt()

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _frames(self, query: str, frame: FrameType | None) -> list[tuple[str, Any]]:
        """Variables whose names stand in FROM and are no tables, as names and objects with the Arrow PyCapsule interface."""
        frames = []
        for name in self._native.unknown_tables(query):
            value = _variable(frame, name)
            if value is not None:
                frames.append((name, _arrow(value)))
        return frames

    def __repr__(self) -> str:
        return f"plusminus.connect({os.fspath(self._native.store())!r})"


class Table:
    """A table of a session, or the files at a path."""

    def __init__(self, session: Session, name: str) -> None:
        self._session, self.name = session, name

    def sql(self, columns: str = "*", rest: str = "", **bounds: Any) -> Answer:
        """Runs ``SELECT columns FROM this rest`` with the bounds of :meth:`Session.sql`."""
        return self._session.sql(f"SELECT {columns} FROM {_from(self.name)} {rest}", **bounds)

    @property
    def columns(self) -> list[str]:
        """The names of the columns."""
        return self._session.sql(f"SELECT * FROM {_from(self.name)} LIMIT 0").columns

    @property
    def types(self) -> list[str]:
        """The SQL types of the columns."""
        return self._session.sql(f"SELECT * FROM {_from(self.name)} LIMIT 0").types

    def head(self, rows: int = 10) -> Answer:
        """The first rows."""
        return self._session.sql(f"SELECT * FROM {_from(self.name)} LIMIT {int(rows)}")

    def summarize(self, **bounds: Any) -> Answer:
        """Type, minimum, maximum, distinct values, average, spread, quartiles and NULLs of each column."""
        return self._session.sql(f"SUMMARIZE {_from(self.name)}", **bounds)

    def sample(self, **options: Any) -> str:
        """Draws a sample; see :meth:`Session.sample`."""
        return self._session.sample(self.name, **options)

    def __len__(self) -> int:
        return self._session.sql(f"SELECT count(*) FROM {_from(self.name)}").scalar()

    def __repr__(self) -> str:
        return f"Table({self.name!r})"

    def _repr_html_(self) -> str:
        return self.head()._repr_html_()


def _variable(frame: FrameType | None, name: str) -> Any:
    """The data frame or Arrow table that a variable of this name holds, in any case where no variable has the very name."""
    while frame is not None:
        for scope in (frame.f_locals, frame.f_globals):
            value = scope.get(name)
            if value is None and name == name.lower():
                value = next((own for key, own in scope.items() if key.lower() == name and _is_tabular(own)), None)
            if _is_tabular(value):
                return value
        # A comprehension, a generator or a lambda sees the variables around it.
        if not frame.f_code.co_name.startswith("<") or frame.f_code.co_name == "<module>":
            return None
        frame = frame.f_back
    return None


def _is_tabular(value: Any) -> bool:
    if value is None or isinstance(value, type):
        return False
    return hasattr(value, "__arrow_c_stream__") or _is_frame(value, "pandas") or type(value).__name__ == "LazyFrame"


def _is_frame(value: Any, package: str) -> bool:
    kinds = type(value).__mro__
    return any(kind.__name__ == "DataFrame" and kind.__module__.split(".")[0] == package for kind in kinds)


def _arrow(value: Any) -> Any:
    """An object with the Arrow PyCapsule interface."""
    if type(value).__name__ == "LazyFrame":
        return value.collect()
    if _is_frame(value, "pandas"):
        import pyarrow

        # The index is no column, as in a query it has no name.
        try:
            return pyarrow.Table.from_pandas(value, preserve_index=False)
        except (pyarrow.ArrowException, ValueError, TypeError) as error:
            raise _native.SqlError(f"the data frame is no Arrow table: {error}\nTry: columns of one type each, with names of their own") from None
    if type(value).__name__ == "RecordBatchReader":
        raise _native.SqlError("a RecordBatchReader can be read only once\nTry: its read_all()")
    if hasattr(value, "__arrow_c_stream__") and type(value).__name__ not in ("Series", "ChunkedArray"):
        return value
    raise _native.SqlError(f"a {type(value).__name__} is no table\nTry: a pandas or polars data frame, or an Arrow table")


def _wishes(
    within: float | str | datetime.timedelta | None = None,
    error: float | str | None = None,
    error_absolute: float | None = None,
    confidence: float | str | None = None,
    on_miss: str | None = None,
    for_all_groups: bool = False,
    params: Sequence[Any] | Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    if error is not None and error_absolute is not None:
        raise _native.SqlError("error and error_absolute exclude each other\nTry: one of them")
    if error_absolute is not None and not isinstance(error_absolute, (int, float)):
        raise _native.SqlError(f"error_absolute={error_absolute!r} is no number\nTry: error_absolute=2.5, or error='5%'")
    if on_miss is not None and not isinstance(on_miss, str):
        raise _native.SqlError(f"on_miss={on_miss!r} is no choice\nTry: repair, exact, report, omit or fail")
    if hasattr(params, "tolist"):
        params = params.tolist()
    if isinstance(params, Mapping):
        parameters = [(str(name), value) for name, value in params.items()]
    elif isinstance(params, (str, bytes)):
        raise _native.SqlError("params is a list or a mapping\nTry: params=[1, 'west'] or params={'region': 'west'}")
    else:
        parameters = [(None, value) for value in (params if params is not None else ())]
    return {
        "within_seconds": _seconds(within),
        "error_percent": _percent("error", error),
        "error_absolute": error_absolute,
        "confidence_percent": _percent("confidence", confidence),
        "on_miss": on_miss,
        "for_all_groups": bool(for_all_groups),
        "parameters": parameters,
    }


def _seconds(time: float | str | datetime.timedelta | None) -> float | None:
    if time is None:
        return None
    if isinstance(time, datetime.timedelta):
        return time.total_seconds()
    if isinstance(time, str):
        found = re.fullmatch(r"\s*([0-9.]+)\s*([a-zA-Z]+)\s*", time)
        if found is None or found[2].lower() not in _UNITS:
            raise _native.SqlError(f"within={time!r} is no time\nTry: within='300ms', within='2s' or within=0.3")
        return _number("within", time, found[1]) * _UNITS[found[2].lower()]
    try:
        return float(time)
    except (TypeError, ValueError):
        raise _native.SqlError(f"within={time!r} is no time\nTry: within='300ms', within='2s' or within=0.3") from None


def _number(name: str, wish: object, digits: str) -> float:
    try:
        return float(digits)
    except ValueError:
        raise _native.SqlError(f"{name}={wish!r} has no number\nTry: '5%', '300ms', '4GB'") from None


def _percent(name: str, share: float | str | None) -> float | None:
    if share is None:
        return None
    if isinstance(share, str):
        found = re.fullmatch(r"\s*([0-9.]+)\s*%\s*", share)
        if found is None:
            example = "95%" if name == "confidence" else "5%"
            raise _native.SqlError(f"{name}={share!r} is no share\nTry: {name}={example!r}")
        return _number(name, share, found[1])
    if isinstance(share, bool) or not hasattr(share, "__float__"):
        raise _native.SqlError(f"{name}={share!r} is no share\nTry: {name}='5%' or {name}=0.05")
    if name == "error" and share >= 1:
        raise _native.SqlError(f"error={share} is {100 * share:g} %\nTry: error='{share:g}%', or error={share / 100:g}")
    if name == "confidence" and share >= 1:
        raise _native.SqlError(f"confidence={share} is no share below 1\nTry: confidence=0.95 or confidence='95%'")
    return round(100.0 * float(share), 10)


def _size(size: str | int | float) -> str:
    if isinstance(size, str):
        found = re.fullmatch(r"\s*([0-9.]+)\s*%\s*", size)
        if found is None:
            raise _native.SqlError(f"size={size!r} is no size\nTry: size='1%', or a number of rows")
        return f"{_number('size', size, found[1])!r} %"
    if float(size) < 1:
        return f"{round(100 * float(size), 10)!r} %"
    return f"{int(size)} ROWS"


def _bytes(memory: int | str | None) -> int | None:
    if memory is None or isinstance(memory, int):
        return memory
    found = re.fullmatch(r"\s*([0-9.]+)\s*([a-zA-Z]*)\s*", memory)
    if found is None or found[2].lower() not in _SIZES:
        raise _native.SqlError(f"memory={memory!r} is no size\nTry: memory='4GB'")
    return int(_number("memory", memory, found[1]) * _SIZES[found[2].lower()])


def _from(table: str) -> str:
    """A table's name or path as it stands in FROM."""
    if re.search(r"[./*\\]", table) and not table.startswith(("'", '"')):
        return "'" + table.replace("'", "''") + "'"
    return table if re.fullmatch(r"[^\W\d]\w*", table) else _quoted(table)


def _names(names: Sequence[str] | str | None) -> list[str]:
    return [names] if isinstance(names, str) else list(names or [])


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _with_best(missed: _native.BoundMissed) -> _native.BoundMissed:
    """The exception with the best answer as users hold it."""
    best = getattr(missed, "best", None)
    missed.best = Answer(best) if isinstance(best, _native.Answer) else best
    return missed.with_traceback(None)
