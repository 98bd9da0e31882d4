"""A long list inside an answer: its JSON is there, its models are made only if looked at.

To REST a row is a piece of text, to a digest or a table it is a model. A model costs many times
what the text does, so none is made before somebody wants it. The text is the one that pydantic
would write, and the models are read from that text: there is no second truth.
"""

from collections.abc import Iterator, Sequence
from hashlib import blake2b
from typing import Any, Final, TypeVar, overload

from pydantic import BaseModel, TypeAdapter, ValidatorFunctionWrapHandler, WrapValidator

T = TypeVar("T", bound=BaseModel)


class Unread(Sequence[T]):
    """Models in JSON that nothing changes any more; json: all of them as one array."""

    __slots__ = ("_count", "_digest", "_models", "_reader", "json")

    def __init__(self, json: bytes, count: int, reader: TypeAdapter[list[T]]) -> None:
        self.json = json
        self._count = count
        self._reader = reader
        self._models: list[T] | None = None
        self._digest: bytes | None = None

    @property
    def digest(self) -> bytes:
        """A hash of the text, taken once."""
        if self._digest is None:
            self._digest = blake2b(self.json, digest_size=16).digest()
        return self._digest

    def __len__(self) -> int:
        """How many there are."""
        return self._count

    @overload
    def __getitem__(self, at: int) -> T: ...

    @overload
    def __getitem__(self, at: slice) -> list[T]: ...

    def __getitem__(self, at: int | slice) -> T | list[T]:
        """Return one of them, or some."""
        return self._list()[at]

    def __iter__(self) -> Iterator[T]:
        """Return them one by one."""
        return iter(self._list())

    def __eq__(self, other: object) -> bool:
        """Compare by content, also with a list of models."""
        if isinstance(other, Unread):
            return self.json == other.json
        return self._list() == other

    __hash__ = None  # type: ignore[assignment]  # as of every other sequence of models

    def _list(self) -> list[T]:
        if self._models is None:
            self._models = self._reader.validate_json(self.json)
        return self._models


def _unread(given: Any, validate: ValidatorFunctionWrapHandler) -> Any:  # noqa: ANN401  pydantic's own signature
    return given if isinstance(given, Unread) else validate(given)


LAZILY: Final = WrapValidator(_unread)
"""Marks a member of a model that may be unread."""
