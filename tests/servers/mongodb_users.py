"""A replica set of one node that asks who one is: its root, and users that come and go."""

import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from pymongo import MongoClient
from pymongo.errors import OperationFailure

from servers.mongodb import MongoServer, MongoSet
from servers.program import until

_ROOT: Final = "root"


class GuardedMongo(MongoSet):
    """A replica set with authentication; `url` is that of its root."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        key = folder / "key"
        key.write_text(secrets.token_hex(32))
        key.chmod(0o400)
        node = MongoServer(folder / "guarded", "--keyFile", key, name="guarded")
        self._password = secrets.token_hex(16)
        self._parts = (node,)
        self.nodes = [node]
        self.url = self.url_of(_ROOT, self._password)

    def url_of(self, user: str, password: str, database: str = "admin") -> str:
        """Return the URL of the node for a user that `database` knows."""
        return (
            f"mongodb://{user}:{password}@{self.nodes[0].address}/"
            f"?replicaSet=rs0&authSource={database}"
        )

    def found(self) -> None:
        """Make it a set by the exception for this machine, which ends with the first user."""
        super().found()
        with self.nodes[0].client() as client:
            who = {"pwd": self._password, "roles": ["root"]}
            until(lambda: client.admin.command("createUser", _ROOT, **who))

    def drop(self, database: str) -> None:
        """Remove a database with its users."""
        with self.client() as client:
            client[database].command("dropAllUsersFromDatabase")
            client.drop_database(database)

    def client(self) -> MongoClient[dict[str, Any]]:
        """Return a client of the root."""
        return MongoClient(self.url)

    def admit(self, database: str, user: str, password: str, roles: Sequence[str]) -> None:
        """Let a user in, with these roles; one that is in already has only these from now on."""
        with self.client() as client:
            who = {"pwd": password, "roles": list(roles)}
            try:
                client[database].command("createUser", user, **who)
            except OperationFailure:
                client[database].command("updateUser", user, **who)

    def expel(self, database: str, user: str) -> None:
        """Remove a user."""
        with self.client() as client:
            client[database].command("dropUser", user)

    def resign(self) -> None:
        """Have no primary until `stand_again`."""
        with self.client() as client:
            client.admin.command("replSetStepDown", 600, force=True)

    def stand_again(self) -> None:
        """Have a primary again."""
        with self._direct() as client:
            client.admin.command("replSetFreeze", 0)
        until(self.agreed)

    def _direct(self) -> MongoClient[dict[str, Any]]:
        address = self.nodes[0].address
        return MongoClient(
            f"mongodb://{_ROOT}:{self._password}@{address}/?directConnection=true&authSource=admin"
        )
