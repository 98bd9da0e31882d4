"""The tables of flow minutes and signals, which are one step of the warm file's schema.

`began` is the start of the first minute that was ever saved of a subject; it outlives the minutes.
`checkpoint` is null before the first save. A subject that was only claimed is not yet `known`.
"""

from typing import Final

FLOW_TABLES: Final = (
    """CREATE TABLE flow_subjects (
        scope TEXT NOT NULL, symbol TEXT NOT NULL, fence INTEGER NOT NULL,
        known INTEGER NOT NULL, began INTEGER, checkpoint BLOB, PRIMARY KEY (scope, symbol)
    ) STRICT""",
    """CREATE TABLE flow_minutes (
        scope TEXT NOT NULL, symbol TEXT NOT NULL, start INTEGER NOT NULL,
        revision INTEGER NOT NULL, body BLOB NOT NULL, PRIMARY KEY (scope, symbol, start)
    ) STRICT""",
    """CREATE TABLE signals (
        scope TEXT NOT NULL, symbol TEXT NOT NULL, id TEXT NOT NULL, kind TEXT NOT NULL,
        detected INTEGER NOT NULL, revision INTEGER NOT NULL, body BLOB NOT NULL,
        PRIMARY KEY (scope, symbol, id)
    ) STRICT""",
    # The kind is inside, so that a question about few kinds reads no others.
    "CREATE INDEX signals_by_time ON signals (scope, symbol, detected, id, kind)",
)
