"""The venue goes away and comes back: sessions reconnect, books resync, nothing stale is served."""

import httpx2
from processes import NO_TLS, SLOW_S, ask, eventually, serving, settings, simulating

from servers.program import free_port

VENUE = "binance-spot"
DEPTH = f"/v1/markets/{VENUE}/BTCUSDT/depth"
TRADES = f"/v1/markets/{VENUE}/BTCUSDT/trades"
CANDLES = f"/v1/markets/{VENUE}/BTCUSDT/candles"


def refused(url: str) -> bool:
    answer = httpx2.get(url + DEPTH, timeout=SLOW_S, trust_env=False, verify=NO_TLS)
    return answer.status_code == httpx2.codes.CONFLICT and answer.json()["code"] == "not_ready"


def collectors(url: str) -> dict[str, str]:
    answer = httpx2.get(url + "/health", timeout=SLOW_S, trust_env=False, verify=NO_TLS)
    return answer.json()["collectors"]


def what_it_cost(url: str) -> dict | None:
    quality = ask(url, CANDLES)["meta"]["quality"]
    return quality if quality["gaps"] or quality["repaired"] else None


def test_depth_is_refused_while_the_venue_is_away_and_served_when_it_is_back(tmp_path):
    # Not one that the kernel gives away: it could be another's by the time the venue is back.
    port = free_port()
    playing = ("--venue", VENUE, "--synthetic", "--seed", 1, "--port", port)
    with simulating(*playing):
        env = settings([VENUE], ["BTCUSDT"], port, tmp_path)
        service = serving(env)
        _, url = service.__enter__()
        eventually(lambda: ask(url, DEPTH)["data"]["bids"])
        # Who has heard no trade yet has no id that would prove what is missing afterwards.
        eventually(lambda: ask(url, TRADES)["data"])
    try:
        eventually(lambda: refused(url))
        eventually(lambda: collectors(url)["binance"] == "disconnected")
        with simulating(*playing):
            eventually(lambda: ask(url, DEPTH)["data"]["bids"])
            # The market went on without us: its ids prove how much is missing, and where, until
            # the venue has told it; who looks late sees that alone.
            quality = eventually(lambda: what_it_cost(url))
            assert quality["repaired"] or quality["gaps"][0]["missing"] > 0
            assert quality["coverage"] < 1
    finally:
        service.__exit__(None, None, None)
