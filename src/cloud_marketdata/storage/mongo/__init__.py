"""The warm tier in MongoDB: a replica set or a sharded cluster, version 6 or newer.

A save is one transaction, so aggregates, ledger and log position are never seen apart.
"""

from cloud_marketdata.storage.mongo.client import MongoPlan
from cloud_marketdata.storage.mongo.stores import MongoWarm, open_mongo

__all__ = ["MongoPlan", "MongoWarm", "open_mongo"]
