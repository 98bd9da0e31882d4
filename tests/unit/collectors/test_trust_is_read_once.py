"""Whom a client trusts is read from disk once: meanwhile nothing else of the process would run."""

import ssl

import pytest

from cloud_marketdata.collectors.rest.address import addresses_of
from cloud_marketdata.collectors.venues import VENUES
from cloud_marketdata.core.clock import SystemClock
from cloud_marketdata.core.config import Settings

pytestmark = pytest.mark.anyio


async def test_a_second_client_reads_no_certificates(monkeypatch):
    limits = {venue: one.limits for venue, one in VENUES.items()}
    addresses = addresses_of(Settings(), limits, SystemClock()).values()

    async def open_all() -> None:
        for address in addresses:
            async with address.open():
                pass

    def read(*_: object) -> None:
        pytest.fail("certificates are read again")

    await open_all()
    monkeypatch.setattr(ssl.SSLContext, "load_verify_locations", read)
    await open_all()
