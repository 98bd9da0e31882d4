"""Every table that REST answers with over the tape, and how to ask for it."""

from typing import Any, Final

from tape import BASE, MINUTE, ROOT, ms

WINDOW: Final = {"start": ms(BASE), "end": ms(BASE + 4 * MINUTE)}
TABLES: Final[dict[str, dict[str, Any]]] = {
    "/v1/markets": {},
    f"{ROOT}/trades": {**WINDOW, "limit": 7},
    f"{ROOT}/candles": WINDOW,
    f"{ROOT}/volume-profile": WINDOW,
    f"{ROOT}/volume-profile/developing": {**WINDOW, "step": "1m"},
    f"{ROOT}/volume-profile/naked": {},
    f"{ROOT}/coverage": WINDOW,
    f"{ROOT}/order-flow": WINDOW,
    f"{ROOT}/footprint": WINDOW,
    f"{ROOT}/activity-bars": {**WINDOW, "kind": "tick", "size": "10"},
    f"{ROOT}/anomalies": WINDOW,
    f"{ROOT}/reconciliation": WINDOW,
    f"{ROOT}/depth": {"levels": 3},
}
MEDIA: Final = {
    "json": "application/json",
    "csv": "text/csv",
    "parquet": "application/vnd.apache.parquet",
    "arrow": "application/vnd.apache.arrow.stream",
}
