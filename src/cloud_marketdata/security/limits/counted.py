"""What a limit has counted: told in the headers of every answer, and in a refusal."""

from typing import Literal, NamedTuple

from cloud_marketdata.security.refusals import QuotaExceededError
from cloud_marketdata.storage.security_ports import Rate, Taken

Kind = Literal["ip", "key"]
"""Whose limit it is; by this name the headers and the counters tell of it."""


class Counted(NamedTuple):
    """One attempt to take from the limit `name`, and what became of it."""

    name: Kind
    rate: Rate
    taken: Taken


class OverQuotaError(QuotaExceededError):
    """More was asked than `counted` has left."""

    def __init__(self, counted: Counted) -> None:
        rate, taken = counted.rate, counted.taken
        whose = "this key" if counted.name == "key" else "this address"
        pace = f"{rate.quota} units in {rate.seconds} s"
        msg = f"{whose} may ask for {pace}; try again in {taken.after_s:.3f} s"
        super().__init__(msg, taken.after_s)
        self.counted = counted
