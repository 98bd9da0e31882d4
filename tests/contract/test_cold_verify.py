"""Laws of `verify`: whatever was changed, added or taken away is found and named."""

import asyncio
import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable
from datetime import date

import msgspec
import obstore
import pytest
from cold_samples import DAY, Closed, closed, spread
from cold_stores import KINDS, PREFIX, in_bucket, opened
from contract_samples import BTC, ETH
from hypothesis import given
from hypothesis import strategies as st
from obstore.store import MemoryStore

from cloud_marketdata.cli import run
from cloud_marketdata.storage.objects.bars import bars_of, write_bars
from cloud_marketdata.storage.objects.chain import find_manifest, write_manifest
from cloud_marketdata.storage.objects.days import (
    identify_bars,
    identify_profile,
    save_bars,
    save_day,
)
from cloud_marketdata.storage.objects.manifest import Entry, Manifest, Slot, write
from cloud_marketdata.storage.objects.profiles import write_profile
from cloud_marketdata.storage.objects.shelf import Identity
from cloud_marketdata.storage.objects.store import ObstoreObjects
from cloud_marketdata.storage.objects.verify import verify

pytestmark = pytest.mark.anyio

DATES = [date(1970, 1, 2), date(1970, 1, 3), date(1970, 1, 6)]
LATER = 1 << 41
FIRST_PROFILE = "profiles/v1/venue=binance-usdm/symbol=BTCUSDT/date=1970-01-02/profile.parquet"
FIRST_BARS = "bars/v1/venue=binance-usdm/symbol=BTCUSDT/date=1970-01-02/bars.parquet"


def _made(day: date, count: int = 40, position: int = 1 << 40) -> list[Closed]:
    start = (day - date(1970, 1, 1)).days * DAY
    return [
        closed(spread(count, start=start, instrument=one), start, position) for one in (BTC, ETH)
    ]


async def archive(objects: ObstoreObjects, day: date, made: Iterable[Closed]) -> None:
    """Save days and list them."""
    entries = []
    for one in made:
        entries.append(await save_day(objects, one.day))
        entries.append(await save_bars(objects, one.day, one.parts))
    await write_manifest(objects, day, entries)


async def filled(objects: ObstoreObjects) -> ObstoreObjects:
    """Fill a store with three days of two markets; the first day has late trades."""
    for day in DATES:
        await archive(objects, day, _made(day))
    await archive(objects, DATES[0], _made(DATES[0], count=41, position=LATER))
    return objects


async def problems(objects: ObstoreObjects, day: date = DATES[-1], *, whole: bool = True):
    """Return what is found, by key."""
    found = defaultdict(list)
    for problem in (await verify(objects, day, whole=whole)).problems:
        found[problem.key].append(problem.what)
    return {key: "; ".join(told) for key, told in found.items()}


@pytest.fixture(params=KINDS)
def objects(request, tmp_path):
    return opened(request, tmp_path)


@pytest.fixture(scope="module")
def originals() -> dict[str, bytes]:
    """All objects of a filled store."""

    async def made() -> dict[str, bytes]:
        objects = await filled(ObstoreObjects(MemoryStore()))
        return {key: await objects.get(key) for key in await _keys(objects)}

    return asyncio.run(made())


@pytest.fixture
def store(originals):
    return _store(originals)


def _store(originals: dict[str, bytes]) -> MemoryStore:
    store = MemoryStore()
    for key, data in originals.items():
        obstore.put(store, key, data)
    return store


async def _keys(objects: ObstoreObjects) -> list[str]:
    folders = ("manifests", "profiles", "bars", "revised-profiles", "revised-bars")
    return [key for folder in folders for key in await objects.list(f"{folder}/")]


async def test_a_cold_tier_that_nobody_touched_is_well(objects):
    report = await verify(await filled(objects), DATES[-1], whole=True)

    assert report.problems == []
    assert (report.days, report.manifests, report.objects) == (DATES, 6, 16)
    one = await verify(objects, DATES[1], whole=False)
    assert (one.days, one.manifests, one.objects, one.problems) == ([DATES[1]], 2, 4, [])


@given(data=st.data())
def test_any_flipped_bit_in_any_object_or_manifest_is_found_and_named(originals, data):
    key = data.draw(st.sampled_from(sorted(originals)))
    at = data.draw(st.integers(0, len(originals[key]) - 1))
    changed = bytearray(originals[key])
    changed[at] ^= 1 << data.draw(st.integers(0, 7))
    store = _store(originals)
    obstore.put(store, key, bytes(changed))

    assert key in asyncio.run(problems(ObstoreObjects(store)))


async def test_any_object_that_is_gone_is_named(originals):
    for key in (key for key in originals if key.endswith(".parquet")):
        store = _store({name: data for name, data in originals.items() if name != key})

        assert (await problems(ObstoreObjects(store)))[key] == "it is missing"


async def test_any_manifest_that_is_gone_is_named_or_leaves_an_object_that_nobody_lists(originals):
    newest = Slot(DATES[-1], 2).key
    for key in (key for key in originals if key.startswith("manifests/") and key != newest):
        store = _store({name: data for name, data in originals.items() if name != key})

        assert "it is missing" in (await problems(ObstoreObjects(store)))[key]

    left = [key for key in originals if f"date={DATES[-1]}" not in key or ".parquet" in key]
    without = ObstoreObjects(_store({key: originals[key] for key in left}))
    found = await problems(without)
    assert found[f"manifests/v1/date={DATES[-1]}/"] == "there is no manifest of this day"
    assert [found[key] for key in left if f"date={DATES[-1]}" in key] == [
        "no manifest lists it"
    ] * 4


async def test_the_newest_manifest_of_a_day_is_missed_although_the_one_before_it_is_there(store):
    obstore.delete(store, Slot(DATES[0], 2).key)

    found = await problems(ObstoreObjects(store), DATES[0], whole=False)

    assert found[Slot(DATES[0], 2).key] == f"it is missing, and {Slot(DATES[1], 2).key} names it"


@pytest.mark.parametrize(
    "name",
    [
        FIRST_PROFILE.replace("profile.parquet", "again.parquet"),
        FIRST_PROFILE.replace("BTCUSDT", "XRPUSDT"),
        FIRST_PROFILE.replace("date=1970-01-02/", ""),
    ],
)
async def test_an_object_that_somebody_added_is_named(store, originals, name):
    obstore.put(store, name, originals[FIRST_PROFILE])

    found = await problems(ObstoreObjects(store), DATES[0], whole=False)

    assert found == {name: "no manifest lists it"}


async def test_a_forged_manifest_is_contradicted_by_the_next_day(store):
    """Its seal is in order: who can write can also hash."""
    objects = ObstoreObjects(store)
    said = await find_manifest(objects, DATES[1])
    _put(store, msgspec.structs.replace(said, objects=said.objects[1:]))

    found = await problems(objects, DATES[1], whole=False)

    assert found[Slot(DATES[1], 2).key] == f"it is not what {Slot(DATES[2], 2).key} says of it"
    assert Slot(DATES[1], 2).key in await problems(objects, DATES[2], whole=False)


async def test_who_forges_the_newest_manifest_cannot_hide_an_object(store):
    objects = ObstoreObjects(store)
    said = await find_manifest(objects, DATES[2])
    _put(store, msgspec.structs.replace(said, objects=said.objects[1:]))

    found = await problems(objects, DATES[2], whole=False)

    assert said.objects[0].key in found


async def test_a_forged_profile_does_not_sum_to_its_bars():
    """Also where the one manifest, which nobody names yet, was forged along with it."""
    store = MemoryStore()
    await archive(ObstoreObjects(store), DATES[0], _made(DATES[0]))
    [other, _] = _made(DATES[0], count=39)
    data = write_profile(other.day)
    await _exchange(store, FIRST_PROFILE, data, identify_profile(data))

    assert await problems(ObstoreObjects(store), DATES[0]) == {
        FIRST_BARS: "no profile that is well has the content they sum to"
    }


async def test_forged_bars_do_not_sum_to_their_profile():
    store = MemoryStore()
    await archive(ObstoreObjects(store), DATES[0], _made(DATES[0]))
    [made, _] = _made(DATES[0])
    bars = bars_of(made.day, made.parts)
    bars.bars[3].bar.volume += 1
    data = write_bars(bars)
    await _exchange(store, FIRST_BARS, data, identify_bars(data))

    [(key, told)] = (await problems(ObstoreObjects(store), DATES[0])).items()
    assert (key, told[:31]) == (FIRST_BARS, "the hours do not sum to the day")


async def test_a_forged_profile_whose_rows_do_not_sum_to_its_bar_is_named():
    store = MemoryStore()
    await archive(ObstoreObjects(store), DATES[0], _made(DATES[0]))
    [made, _] = _made(DATES[0])
    next(iter(made.day.profile.cells.values()))[0] += 1
    data = write_profile(made.day)
    await _exchange(store, FIRST_PROFILE, data, identify_profile(data))

    found = await problems(ObstoreObjects(store), DATES[0])
    assert "the rows sum to a volume of" in found[FIRST_PROFILE]


async def test_an_object_under_the_key_of_another_market_is_named():
    store = MemoryStore()
    await archive(ObstoreObjects(store), DATES[0], _made(DATES[0]))
    [_, made] = _made(DATES[0])
    data = write_profile(made.day)
    await _exchange(store, FIRST_PROFILE, data, identify_profile(data))

    found = await problems(ObstoreObjects(store), DATES[0])
    assert found[FIRST_PROFILE].startswith("it holds bybit-linear ETHUSDT from")


@pytest.mark.parametrize("key", [FIRST_PROFILE, FIRST_BARS])
async def test_a_manifest_that_says_another_content_is_named(key):
    store = MemoryStore()
    objects = ObstoreObjects(store)
    await archive(objects, DATES[0], _made(DATES[0]))
    await _exchange(store, key, await objects.get(key), Identity("", "0" * 64, 0))

    found = await problems(objects, DATES[0])
    assert found[key].startswith("its content is not that of the manifest")


async def test_a_day_is_not_blamed_for_another(store, originals):
    obstore.put(store, FIRST_PROFILE, originals[FIRST_PROFILE][:-1])
    objects = ObstoreObjects(store)

    assert await problems(objects, DATES[2], whole=False) == {}
    assert set(await problems(objects, DATES[0], whole=False)) == {
        FIRST_PROFILE,
        FIRST_BARS,
    }


async def test_a_day_without_a_manifest_is_a_problem():
    found = await problems(ObstoreObjects(MemoryStore()), DATES[1])

    assert found == {"manifests/v1/date=1970-01-03/": "there is no manifest of this day"}


def _put(store: MemoryStore, manifest: Manifest) -> None:
    obstore.put(store, Slot(manifest.date, manifest.number).key, write(manifest))


async def _exchange(store: MemoryStore, key: str, data: bytes, identity: Identity) -> None:
    """Put another object in the place of one, and forge its manifest to match."""
    obstore.put(store, key, data)
    said = await find_manifest(ObstoreObjects(store), DATES[0])
    forged = Entry(key, len(data), hashlib.sha256(data).hexdigest(), identity.content)
    listed = tuple(forged if entry.key == key else entry for entry in said.objects)
    _put(store, msgspec.structs.replace(said, objects=listed))


def test_the_command_reads_the_bucket_that_the_settings_name(s3, monkeypatch, capsys):
    asyncio.run(filled(in_bucket(s3)))
    for name, value in (s3.settings() | {"s3_prefix": PREFIX}).items():
        monkeypatch.setenv(f"MARKETDATA_{name.upper()}", value)

    assert run(["verify", DATES[-1].isoformat(), "--all"]) == 0
    assert capsys.readouterr().out == "1970-01-06: all is well (manifests: 6, objects: 16)\n"
    obstore.put(in_bucket(s3)._store, FIRST_PROFILE, b"not a day")
    assert run(["verify", DATES[-1].isoformat(), "--all", "--json"]) == 1
    found = {problem["key"] for problem in json.loads(capsys.readouterr().out)["problems"]}
    assert found == {FIRST_PROFILE, FIRST_BARS}
    monkeypatch.setenv("MARKETDATA_S3_SECRET_ACCESS_KEY", "wrong")
    assert run(["verify", DATES[-1].isoformat()]) == 2
    told = capsys.readouterr()
    assert (told.out, len(told.err.splitlines())) == ("", 1)
    assert "SignatureDoesNotMatch" in told.err
