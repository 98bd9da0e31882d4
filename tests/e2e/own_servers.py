"""Redis and MongoDB that know the service as a user of its own, who can be expelled.

The tests themselves come in by another door, so they can look while the service cannot.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import redis

from servers.mongodb_users import GuardedMongo
from servers.program import free_port
from servers.redis import RedisServer

SECRET: Final = "s3same-0pen"  # noqa: S105  nobody's
USER: Final = "md"
DATABASE: Final = "prices"


class OwnRedis:
    """A Redis with a user of the service; `url` is that of the tests."""

    def __init__(self, server: RedisServer) -> None:
        self.port = server.port
        self.url = server.url
        self.client = redis.Redis.from_url(server.url)

    def url_of(self, user: str = USER, password: str = SECRET) -> str:
        """Return the URL for a user."""
        return self.url.replace("//", f"//{user}:{password}@")

    def renew(self) -> None:
        """Have it empty, a master, and open to the service."""
        self.lead()
        self.room()
        self.client.flushall()
        self.admit()

    def admit(self) -> None:
        """Let the service in with its password."""
        everything = {"keys": ["*"], "channels": ["*"], "categories": ["+@all"]}
        self.client.acl_setuser(
            USER, enabled=True, reset=True, passwords=[f"+{SECRET}"], **everything
        )

    def expel(self) -> None:
        """Remove the user, which cuts its connections."""
        self.client.acl_deluser(USER)

    def change_password(self) -> None:
        """Take another password, and cut the connections that came in with the old one."""
        self.client.acl_setuser(USER, enabled=True, reset_passwords=True, passwords=["+other"])
        self.client.execute_command("CLIENT", "KILL", "USER", USER)

    def follow(self) -> None:
        """Be a replica, of nobody who could have other data."""
        self.client.execute_command("REPLICAOF", "127.0.0.1", free_port())

    def lead(self) -> None:
        """Be a master."""
        self.client.execute_command("REPLICAOF", "NO", "ONE")

    def no_room(self) -> None:
        """Take no more writes, because the memory is full."""
        self.client.config_set("maxmemory", 1)

    def room(self) -> None:
        """Take writes again."""
        self.client.config_set("maxmemory", 0)


@contextmanager
def own_redis(folder: Path) -> Iterator[OwnRedis]:
    """Start one."""
    with RedisServer(folder) as server:
        own = OwnRedis(server)
        yield own
        own.client.close()


@contextmanager
def own_mongo(folder: Path) -> Iterator[GuardedMongo]:
    """Start a MongoDB that knows the service as a user of one database."""
    with GuardedMongo(folder) as server:
        server.admit(DATABASE, USER, SECRET, ["readWrite"])
        yield server


def mongo_for(server: GuardedMongo, user: str = USER, password: str = SECRET) -> dict[str, str]:
    """Return the settings of a service that comes in as this user."""
    url = server.url_of(user, password, DATABASE)
    return {"mongodb_url": url, "mongodb_database": DATABASE}
