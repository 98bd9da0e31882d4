"""What a role is for `main`: parts that run until they are cancelled, and what tells of them."""

from collections.abc import Awaitable, Callable

Part = tuple[str, Callable[[], Awaitable[None]]]
"""A name for the log, and what is to be kept running."""
