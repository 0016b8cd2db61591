"""SQL answers with error bars, in the time or error you state.

>>> import plusminus
>>> db = plusminus.connect("store")
>>> db.register("trips", "trips.parquet")
>>> db.sample("trips", stratified_by=["region"], size="1%")
>>> answer = db.sql("SELECT region, avg(miles) FROM trips GROUP BY region", error=0.05)
>>> answer.to_pandas(errors="columns")
"""

from importlib.metadata import PackageNotFoundError, version

from ._native import BoundMissed, DataError, Error, SqlError, StoreError
from .answer import Answer, Cell, Plot
from .session import Session, Table, connect

try:
    __version__ = version("plusminus")
except PackageNotFoundError:  # not installed, but run from its folder
    __version__ = "0"

__all__ = [
    "Answer",
    "BoundMissed",
    "Cell",
    "DataError",
    "Error",
    "Plot",
    "Session",
    "SqlError",
    "StoreError",
    "Table",
    "connect",
]
