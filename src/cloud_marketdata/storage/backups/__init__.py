"""Copies of an embedded deployment, made while it runs, and a new folder made of such a copy."""

from cloud_marketdata.storage.backups.making import Made, make_backup
from cloud_marketdata.storage.backups.restoring import Restored, restore_backup

__all__ = ["Made", "Restored", "make_backup", "restore_backup"]
