"""The venue goes away and comes back: sessions reconnect, books resync, nothing stale is served."""

import httpx2
from processes import ask, eventually, serving, settings, simulating

VENUE = "binance-spot"
DEPTH = f"/v1/markets/{VENUE}/BTCUSDT/depth"
CANDLES = f"/v1/markets/{VENUE}/BTCUSDT/candles"


def refused(url: str) -> bool:
    answer = httpx2.get(url + DEPTH, trust_env=False)
    return answer.status_code == httpx2.codes.CONFLICT and answer.json()["code"] == "not_ready"


def test_depth_is_refused_while_the_venue_is_away_and_served_when_it_is_back(tmp_path):
    playing = ("--venue", VENUE, "--synthetic", "--seed", 1)
    with simulating(*playing) as port:
        env = settings([VENUE], ["BTCUSDT"], port, tmp_path)
        service = serving(env)
        _, url = service.__enter__()
        eventually(lambda: ask(url, DEPTH)["data"]["bids"])
    try:
        eventually(lambda: refused(url))
        health = httpx2.get(url + "/health", trust_env=False).json()
        assert health["collectors"]["binance"] == "disconnected"
        with simulating(*playing, "--port", port):
            eventually(lambda: ask(url, DEPTH)["data"]["bids"])
            # The market went on without us: its ids prove how much is missing, and where.
            quality = eventually(
                lambda: (found := ask(url, CANDLES)["meta"]["quality"])["gaps"] and found
            )
            assert quality["gaps"][0]["missing"] > 0
            assert quality["coverage"] < 1
    finally:
        service.__exit__(None, None, None)
