"""The journal: what keeps a log taking entries while its server is away."""

from cloud_marketdata.storage.journal.drain import Disk
from cloud_marketdata.storage.journal.file import Journal, JournalFullError
from cloud_marketdata.storage.journal.log import JournaledLog, RemoteLog
from cloud_marketdata.storage.journal.opening import journaled, open_journal
from cloud_marketdata.storage.journal.pulse import JournalPulse

__all__ = [
    "Disk",
    "Journal",
    "JournalFullError",
    "JournalPulse",
    "JournaledLog",
    "RemoteLog",
    "journaled",
    "open_journal",
]
