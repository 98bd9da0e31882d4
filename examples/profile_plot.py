"""A volume profile as Parquet, read exactly and drawn: price by price who bought and who sold.

Open it as a notebook (each `# %%` is a cell), or run it:
`.venv/bin/python examples/profile_plot.py http://127.0.0.1:8000 --output profile.png`.
Prices and sizes stay `Decimal` from the file to the picture; only the picture rounds, to pixels.
"""

# %% What is asked for
import argparse
import io
import json
import os
import sys
from decimal import Decimal
from pathlib import Path

import httpx2
import pyarrow.parquet as pq  # type: ignore[import-untyped]  # pyarrow ships no types
from matplotlib.figure import Figure

parser = argparse.ArgumentParser(description="Draw a volume profile.")
parser.add_argument("url", nargs="?", default="http://127.0.0.1:8000", help="the service")
parser.add_argument("--venue", default="binance-usdm")
parser.add_argument("--symbol", default="BTCUSDT")
parser.add_argument("--minutes", default=60, type=int, help="how far the profile reaches back")
parser.add_argument("--output", default=Path("profile.png"), type=Path, help="the picture")
asked = parser.parse_known_args()[0]  # a notebook's kernel has arguments of its own

# %% The table, and what stands beside it
path = f"/v1/markets/{asked.venue}/{asked.symbol}/volume-profile"
key = os.environ.get("MARKETDATA_KEY")  # for a service that asks for one
answer = httpx2.get(
    asked.url + path,
    params={"rolling": asked.minutes, "format": "parquet"},
    headers={"Authorization": f"Bearer {key}"} if key else None,
    timeout=30,
)
if answer.is_error:  # the problem says in words what is wrong
    sys.exit(answer.text)
table = pq.read_table(io.BytesIO(answer.content))
profile, meta = (json.loads(table.schema.metadata[key]) for key in (b"data", b"meta"))
if not table.num_rows:
    sys.exit("Nothing traded in that time, as far as is known.")

# %% Exact to the last digit: the rows add up to what the service says was traded
lows, buys, sells = (table[name].to_pylist() for name in ("low", "buy", "sell"))
traded = sum(buys, Decimal(0)) + sum(sells, Decimal(0))
assert traded == Decimal(profile["volume"]), (traded, profile["volume"])

# %% Whether to trust it
quality = meta["quality"]
share = quality["coverage"]  # null where ids prove nothing, as on Bybit
proven = "completeness unproven" if share is None else f"{share:.2%} proven complete"
trust = f"as of {quality['as_of']}, {proven}, {quality['gaps_total']} gaps"

# %% The picture, the only place where a float will do
area, poc = profile["value_area"], profile["poc"]
tall = float(profile["row_size"])
figure = Figure(figsize=(8, 10), layout="constrained")
axes = figure.subplots()
axes.barh(lows, buys, height=tall, align="edge", color="#3b8f6b", label="taker buys")
axes.barh(lows, sells, height=tall, align="edge", left=buys, color="#b0524f", label="taker sells")
axes.axhspan(float(area["val"]), float(area["vah"]), alpha=0.12, zorder=0, label="value area")
axes.axhline(float(poc["low"]) + tall / 2, color="black", linewidth=1, label="point of control")
axes.set(xlabel=f"size, {profile['unit']}", ylabel=f"price, {profile['quote_unit']}")
axes.ticklabel_format(axis="y", useOffset=False)
axes.set_title(
    f"{asked.venue} {asked.symbol}, the last {asked.minutes} minutes: {traded} {profile['unit']}\n"
    f"point of control {poc['low']}, value area {area['val']} to {area['vah']}"
    f" ({area['method']}, {area['reached_pct']} %)\n{trust}",
    fontsize=9,
)
axes.legend()
figure.savefig(asked.output, dpi=120, metadata={"Title": axes.get_title()})
print(f"{asked.output}: {table.num_rows} rows, {traded} {profile['unit']}, {trust}")
