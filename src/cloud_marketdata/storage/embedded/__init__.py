"""Every port on this machine's disk: SQLite for hot and warm data, a folder for the cold tier.

No server and no set-up. Several processes may open the same folder; one of them writes the log.
"""

from cloud_marketdata.storage.embedded.stores import (
    open_embedded,
    open_embedded_hot,
    open_embedded_warm,
)

__all__ = ["open_embedded", "open_embedded_hot", "open_embedded_warm"]
