"""Equal requests share an answer, and nobody can tell but the one who counts the work."""

import asyncio

import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cloud_marketdata.api.shared import Shared

pytestmark = pytest.mark.anyio
PATH = "/v1/markets/binance-usdm/BTCUSDT/volume-profile"


class Counting:
    """An application that answers with how often it was asked."""

    def __init__(self, status: int = 200) -> None:
        self.asked = 0
        self.status = status

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        """Take a while, and answer."""
        self.asked += 1
        number = self.asked
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        await send({"type": "http.response.start", "status": self.status, "headers": []})
        await send({"type": "http.response.body", "body": b"%d" % number})


def request(path: str = PATH, query: bytes = b"", method: str = "GET", **headers: str) -> Scope:
    pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    base = {"type": "http", "method": method, "path": path}
    return {**base, "query_string": query, "headers": [(b"host", b"x"), *pairs]}


async def ask(app: ASGIApp, scope: Scope) -> tuple[int, bytes]:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.request"}

    await app(scope, receive, send)
    return sent[0]["status"], sent[1]["body"]


async def test_a_hundred_equal_requests_are_two_pieces_of_work():
    counting = Counting()
    shared = Shared(counting)

    answers = await asyncio.gather(*(ask(shared, request()) for _ in range(100)))

    assert answers == [(200, b"1")] + [(200, b"2")] * 99
    assert counting.asked == 2
    assert await ask(shared, request()) == (200, b"3")


@pytest.mark.parametrize(
    "other",
    [
        request(query=b"row_ticks=1"),
        request(path=PATH.replace("BTC", "ETH")),
        request(accept="text/csv"),
        request(accept_encoding="zstd"),
        request(if_none_match='W/"1"'),
    ],
)
async def test_requests_that_differ_are_answered_apart(other):
    counting = Counting()
    shared = Shared(counting)

    asked = [request(), request(), request(), other, dict(other), dict(other)]
    answers = await asyncio.gather(*(ask(shared, scope) for scope in asked))

    assert counting.asked == 4
    assert {body for _, body in answers[:3]}.isdisjoint(body for _, body in answers[3:])


async def test_one_answer_is_good_for_all_keys_which_were_looked_at_before():
    counting = Counting()
    shared = Shared(counting)
    asked = [request(authorization=f"Bearer {at}", x_api_key=f"{at}") for at in range(100)]

    await asyncio.gather(*(ask(shared, scope) for scope in asked))

    assert counting.asked == 2


@pytest.mark.parametrize(
    "scope",
    [
        request(path="/health"),
        request(path="/mcp"),
        request(method="POST"),
        request(accept="text/event-stream"),
    ],
)
async def test_what_is_no_question_of_a_market_passes_untouched(scope):
    counting = Counting()
    shared = Shared(counting)

    await asyncio.gather(*(ask(shared, scope) for _ in range(5)))

    assert counting.asked == 5


async def test_a_refusal_is_everybody_s_own():
    counting = Counting(status=503)
    shared = Shared(counting)

    answers = await asyncio.gather(*(ask(shared, request()) for _ in range(3)))

    assert sorted(body for _, body in answers) == [b"1", b"2", b"3"]


async def test_one_who_does_not_read_holds_up_nobody():
    shared = Shared(Counting())
    never = asyncio.Event()

    async def stuck(_message: Message) -> None:
        await never.wait()

    slow = asyncio.ensure_future(shared(request(), lambda: None, stuck))
    await asyncio.sleep(0)
    assert (await asyncio.gather(*(ask(shared, request()) for _ in range(5))))[0][0] == 200
    slow.cancel()
