"""What an agent and the service say to each other over MCP, printed as a page to read.

No model is asked: this script plays the agent. Its questions, and the rules by which it reads the
answers, stand here; every answer is the service's own. Run it beside `make demo`:
`.venv/bin/python examples/agent_transcript.py http://127.0.0.1:8000/mcp`.
"""

import argparse
import asyncio
import json
import os
from decimal import Decimal
from typing import Any, Final

from fastmcp import Client
from fastmcp.client.transports import ClientTransport
from mcp_types import TextContent

TRUSTED_COVERAGE: Final = 0.99
WANTED: Final = Decimal(1)
Answer = dict[str, Any]


class Agent:
    """Asks tools and says what it makes of the answers."""

    def __init__(self, client: Client[ClientTransport]) -> None:
        self._client = client

    async def ask(self, question: str, tool: str, **arguments: object) -> Answer:
        """Call a tool for a question; returns the answer, or the problem that stands for it."""
        print(f"\n**Asked:** {question}\n\n`{tool}` {json.dumps(arguments)}\n")
        found = await self._client.call_tool(tool, arguments, raise_on_error=False)
        if found.is_error:
            told = found.content[0]
            assert isinstance(told, TextContent), "a refusal is a problem object as text"
            problem: Answer = json.loads(told.text)
            print(f"> {problem['status']} {problem['code']}: {problem['detail']}")
            return problem
        answer = found.structured_content
        assert answer is not None, "every tool declares an output schema"
        print(f"> {answer['data']['summary']}\n>\n> {quality(answer)}, {tokens(answer)} tokens")
        return answer

    def say(self, text: str) -> None:
        """Print what the agent concludes."""
        print(f"\n**Agent:** {text}")


def quality(answer: Answer) -> str:
    """Say in one line how fresh and how complete an answer is."""
    known = answer["meta"]["quality"]
    share = known["coverage"]
    proven = "no coverage to prove" if share is None else f"coverage {share}"
    as_of = known["as_of"] or "no time yet"
    return f"quality: as of {as_of}, {proven}, {known['gaps_total']} gaps"


def tokens(answer: object) -> int:
    """Return about how many tokens a model reads: four bytes are one."""
    return len(json.dumps(answer, separators=(",", ":"))) // 4


async def tools(agent: Agent, client: Client[ClientTransport]) -> None:
    """List the tools as a client does when it connects."""
    listed = await client.list_tools()
    print("| tool | for |\n|---|---|")
    for tool in listed:
        first = (tool.description or "").partition("\n")[0]
        print(f"| `{tool.name}` | {first} |")
    schemas = [tool.model_dump(by_alias=True, exclude_none=True) for tool in listed]
    agent.say(f"{len(listed)} tools, {tokens(schemas)} tokens to read once.")


async def where_it_traded(agent: Agent, venue: str, symbol: str) -> None:
    """Ask for a market that is not there, read why, and ask again."""
    question = "Where did {} trade most in the last hour, and can I rely on it?"
    arguments = {"venue": venue, "detail": "summary"}
    refusal = await agent.ask(
        question.format("DOGEUSDT"), "get_volume_profile", symbol="DOGEUSDT", **arguments
    )
    if refusal.get("code") == "unknown_market":
        agent.say(f"It is not collected; the refusal names what is. I take {symbol}.")
    answer = await agent.ask(
        question.format(symbol), "get_volume_profile", symbol=symbol, **arguments
    )
    share, poc = answer["meta"]["quality"]["coverage"], answer["data"]["poc"]
    if poc is None:
        agent.say("Nothing is known to have traded, so there is no such price.")
    elif share is None or share < TRUSTED_COVERAGE:
        agent.say(f"Most at {poc['low']}, of what is known; the hour is not proven complete.")
    else:
        agent.say(f"Most at {poc['low']}, and the hour is proven complete.")


async def what_it_costs(agent: Agent, venue: str, symbol: str) -> None:
    """Walk the book for a size."""
    answer = await agent.ask(
        f"What would it cost to buy a size of {WANTED} in {symbol} now?",
        "get_market_depth",
        venue=venue,
        symbol=symbol,
        max_rows=100,
    )
    if "data" not in answer:
        agent.say("There is no book to believe now, so I name no price.")
        return
    left, paid = WANTED, Decimal(0)
    for price, size in answer["data"]["asks"]:
        taken = min(left, Decimal(size))
        left, paid = left - taken, paid + taken * Decimal(price)
    if left:
        agent.say(f"The levels I asked for hold {WANTED - left}; the rest has no price here.")
    else:
        agent.say(f"{paid} {answer['data']['quote_unit']}, before fees, if nobody is faster.")


async def what_is_odd(agent: Agent, venue: str, symbol: str) -> None:
    """Ask what detectors found, and whether anybody looked at all."""
    answer = await agent.ask(
        f"Was anything odd about {symbol} in the last hour?",
        "get_anomalies",
        venue=venue,
        symbol=symbol,
    )
    found, watch = answer["data"]["rows"], answer["data"]["watch"]
    if found:
        kinds = sorted({kind for _, kind, *_ in found})
        agent.say(f"{answer['data']['rows_total']} told: {', '.join(kinds)}.")
    elif not watch["minutes"]:
        agent.say("None is told, but nobody has looked yet, so that says nothing.")
    else:
        quiet = f"; {len(watch['warming'])} detectors still warm up" if watch["warming"] else ""
        agent.say(f"None in the minutes that were looked at, which are {watch['minutes']}{quiet}.")


async def follow_the_tape(agent: Agent, venue: str, symbol: str, calls: int) -> None:
    """Read trades as they come, each call going on where the one before ended."""
    place: dict[str, str] = {}
    for number in range(1, calls + 1):
        answer = await agent.ask(
            f"What trades now? ({number} of {calls})",
            "stream_trades",
            venue=venue,
            symbol=symbol,
            duration_s=2,
            detail="summary",
            **place,
        )
        tape = answer["data"]
        if place and tape["missing"] == 0:
            agent.say("This goes on behind the last trade I was given: no id is missing between.")
        elif place:
            agent.say(f"Whether this is all since the last trade I was given: {tape['loss']}.")
        place = {"cursor": tape["next_cursor"]}


async def main() -> None:
    """Hold the whole conversation."""
    parser = argparse.ArgumentParser(description="Ask as an agent would, and print it.")
    parser.add_argument("url", nargs="?", default="http://127.0.0.1:8000/mcp")
    parser.add_argument("--venue", default="binance-usdm")
    parser.add_argument("--symbol", default="BTCUSDT")
    parser.add_argument("--calls", default=3, type=int, help="how often the tape is read")
    asked = parser.parse_args()
    # For a service that asks for a key.
    async with Client(asked.url, auth=os.environ.get("MARKETDATA_KEY")) as client:
        agent = Agent(client)
        await tools(agent, client)
        await where_it_traded(agent, asked.venue, asked.symbol)
        await what_it_costs(agent, asked.venue, asked.symbol)
        await what_is_odd(agent, asked.venue, asked.symbol)
        await follow_the_tape(agent, asked.venue, asked.symbol, asked.calls)


if __name__ == "__main__":
    asyncio.run(main())
