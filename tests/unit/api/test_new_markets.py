"""A market that is listed and has not traded yet: every question has an answer, an empty one."""

import asyncio

import pytest
from starlette.testclient import TestClient
from tape import BASE, BTC, BYBIT, MINUTE, Market, ms, trade

from cloud_marketdata.api.app import create_app
from cloud_marketdata.api.ops.operations import Operations
from cloud_marketdata.core.config import Settings
from cloud_marketdata.domain.instrument import Instrument
from guarded import Guarded


async def _listed(instrument: Instrument) -> Market:
    return await Market(instrument).open()


def _client(market: Market) -> TestClient:
    app = create_app(
        queries=market.queries,
        operations=Operations([], Settings(), market.clock),
        clock=market.clock,
        settings=Settings(),
        guard=Guarded(market.clock, Settings()).edge,
    )
    return TestClient(
        app, base_url="http://127.0.0.1", client=("127.0.0.1", 50000), raise_server_exceptions=False
    )


@pytest.mark.parametrize("instrument", [BTC, BYBIT], ids=["ids prove", "ids do not prove"])
@pytest.mark.parametrize("noun", ["trades", "candles", "coverage"])
@pytest.mark.parametrize("ended", [True, False])
def test_a_market_without_trades_answers_with_an_empty_page(instrument, noun, ended):
    client = _client(asyncio.run(_listed(instrument)))
    span = {"start": ms(BASE)} | ({"end": ms(BASE + MINUTE)} if ended else {})
    answer = client.get(f"/v1/markets/{instrument.venue}/BTCUSDT/{noun}", params=span)
    assert answer.status_code == 200, answer.text
    if noun == "trades":
        assert answer.json()["data"] == []
        assert not answer.json()["meta"]["quality"]["coverage"], "nothing is proven yet"


def test_an_empty_page_behind_the_last_trade_is_an_answer():
    market = asyncio.run(_listed(BTC))
    asyncio.run(market.append([trade(1, 0), trade(2, 100)]))
    path = "/v1/markets/binance-usdm/BTCUSDT/trades"
    answer = _client(market).get(path, params={"start": ms(BASE + MINUTE)})
    assert (answer.status_code, answer.json()["data"]) == (200, [])
