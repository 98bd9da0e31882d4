import re

from composed import CLUSTER, ROOT, Composed

from cloud_marketdata.storage.mongo.names import INDEXES, SHARD_KEY, UNSHARDED, Collections

SCRIPT = (ROOT / "deploy/cluster/shard.js").read_text()


def _list(name: str) -> list[str]:
    return re.findall(r'^  "(\w+)",$', _between(f"const {name} = [", "]"), re.MULTILINE)


def _reasons(name: str) -> dict[str, str]:
    return dict(
        re.findall(r'^  (\w+): "(.+)",$', _between(f"const {name} = {{", "}"), re.MULTILINE)
    )


def _between(start: str, end: str) -> str:
    return SCRIPT.partition(start)[2].partition(end)[0]


def test_every_collection_is_sharded_or_says_why_not():
    sharded, unsharded = _list("SHARDED"), _reasons("UNSHARDED")

    assert sorted([*sharded, *unsharded]) == sorted(Collections._fields)
    assert unsharded.keys() == UNSHARDED.keys()
    assert all(unsharded.values())


def test_what_is_indexed_by_the_shard_key_is_sharded_by_it():
    led = {
        name
        for name, indexes in INDEXES.items()
        if any(tuple(index.document["key"])[:2] == SHARD_KEY for index in indexes)
    }

    assert set(_list("SHARDED")) == led
    assert _between("const KEY = {", "}").split() == ["symbol:", "1,", "venue:", "1"]
    assert SHARD_KEY == ("symbol", "venue")


def test_every_unique_index_of_a_sharded_collection_begins_with_the_shard_key():
    """MongoDB takes no other: unique would mean unique on one shard only."""
    for name in _list("SHARDED"):
        unique = [one.document for one in INDEXES[name] if one.document.get("unique")]
        assert unique, name
        assert all(tuple(one["key"])[:2] == SHARD_KEY for one in unique), name


def test_collections_are_sharded_after_the_service_has_made_them_and_before_it_runs():
    services = Composed(CLUSTER).services
    done = {"condition": "service_completed_successfully"}

    assert services["shard"]["depends_on"] == {"prepare": done}
    assert services["prepare"]["depends_on"] == {"members": done}
    for name in Composed(CLUSTER).ours():
        assert name == "prepare" or services[name]["depends_on"]["shard"] == done


def test_every_node_of_a_shard_is_told_to_the_cluster():
    services = Composed(CLUSTER).services
    nodes = {name: one for name, one in services.items() if "--shardsvr" in one.get("command", ())}
    sets = {one["environment"]["SET"]: one["environment"]["MEMBERS"] for one in nodes.values()}

    assert services["members"]["environment"]["SHARDS"].split() == [
        f"{name}/{members}" for name, members in sets.items()
    ]
    assert {one["environment"]["MEMBER"] for one in nodes.values()} == {
        member for members in sets.values() for member in members.split(",")
    }
    assert len(sets) == 2


def test_every_node_of_mongodb_is_in_the_set_whose_name_it_bears():
    for name, service in Composed(CLUSTER).services.items():
        command = service.get("command", ())
        if "--replSet" in command:
            environment = service["environment"]
            assert environment["SET"] == command[command.index("--replSet") + 1]
            assert environment["MEMBER"] == f"{name}:27017"
            assert environment["MEMBER"] in environment["MEMBERS"].split(",")
            assert (environment.get("CONFIGSVR") == "true") == ("--configsvr" in command)
