import re
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import pytest
from composed import BASE, CLUSTER, OPEN, OURS, Composed, mounts

# Files that somebody makes before the start: by deploy/cluster/secrets, or with a certificate.
MADE_LATER = {"metrics.key", "x" * 24}


@pytest.fixture(params=[(BASE,), (BASE, OPEN), (CLUSTER,)], ids=["base", "open", "cluster"])
def composed(request):
    return Composed(*request.param)


def _dependencies(service: dict[str, Any]) -> dict[str, dict[str, str]]:
    told = service.get("depends_on", {})
    return (
        told
        if isinstance(told, dict)
        else {name: {"condition": "service_started"} for name in told}
    )


def test_what_is_waited_for_is_a_service_that_can_come(composed):
    for name, service in composed.services.items():
        for other, how in _dependencies(service).items():
            awaited = composed.services[other]
            assert set(awaited.get("profiles", ())) <= set(service.get("profiles", ())), name
            if how["condition"] == "service_healthy":
                assert "healthcheck" in awaited, f"{name} waits for the health of {other}"
            if how["condition"] == "service_completed_successfully":
                assert awaited["restart"] == "on-failure", f"{name} waits for the end of {other}"


def test_nobody_waits_in_a_circle(composed):
    graph = {name: set(_dependencies(one)) for name, one in composed.services.items()}

    assert len(list(TopologicalSorter(graph).static_order())) == len(graph)


def test_every_network_and_volume_is_declared_and_used(composed):
    networks, volumes = set(), set()
    for service in composed.services.values():
        networks |= set(service.get("networks", ()))
        volumes |= {source for source, _ in mounts(service) if not source.startswith((".", "x"))}

    assert networks == composed.document["networks"].keys()
    assert volumes == composed.document["volumes"].keys()


def test_every_file_that_is_mounted_or_read_exists(composed):
    for name, service in composed.services.items():
        paths = [source for source, _ in mounts(service) if source.startswith(".")]
        for path in (*paths, *service.get("env_file", ())):
            if Path(path).name not in MADE_LATER:
                assert (composed.folder / path).exists(), f"{name}: {path}"


def test_every_script_that_a_container_runs_is_mounted_there(composed):
    for name, service in composed.services.items():
        inside = {target: composed.folder / source for source, target in mounts(service)}
        words = [*service.get("entrypoint", ()), *service.get("healthcheck", {}).get("test", ())]
        for word in (word for word in words if word.startswith("/srv/")):
            found = [
                source / word.removeprefix(target).lstrip("/") if word != target else source
                for target, source in inside.items()
                if word == target or word.startswith(f"{target}/")
            ]
            assert [path.is_file() for path in found] == [True], f"{name}: {word}"


def test_what_is_built_here_has_its_dockerfile(composed):
    for service in composed.services.values():
        if "build" in service:
            context = composed.folder / service["build"]["context"]
            assert (context / service["build"]["dockerfile"]).is_file()


def test_every_image_has_a_tag_that_means_one_release(composed):
    for service in composed.services.values():
        assert re.fullmatch(r"[a-z./-]+:(?!latest)[\w.-]*\d[\w.-]*", service["image"])


def test_nothing_is_published_beyond_this_machine_unless_it_is_opened(composed):
    published = {
        name: port for name, one in composed.services.items() for port in one.get("ports", ())
    }
    beyond = {name: port for name, port in published.items() if not port.startswith("127.0.0.1:")}
    ports = [
        port.split(":")[-2] for one in composed.services.values() for port in one.get("ports", ())
    ]

    assert beyond in ({}, {"app": "8443:8000"})
    assert len(ports) == len(set(ports))


def test_no_two_containers_share_an_address(composed):
    fixed = [
        one["ipv4_address"]
        for service in composed.services.values()
        if isinstance(service.get("networks"), dict)
        for one in service["networks"].values()
        if "ipv4_address" in one
    ]

    assert len(fixed) == len(set(fixed))


def test_stores_can_be_reached_from_no_network_that_leads_out(composed):
    assert composed.document["networks"]["back"]["internal"] is True
    for service in composed.services.values():
        if service["image"].startswith(("redis:", "mongo:")) and "network_mode" not in service:
            assert set(service["networks"]) == {"back"}


def test_whatever_runs_may_do_no_more_than_it_must(composed):
    for name, service in composed.services.items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["mem_limit"], name
        assert service["logging"]["options"] == {"max-size": "10m", "max-file": "5"}, name
        assert not service.get("privileged"), name


def test_whatever_stays_up_says_whether_it_lives(composed):
    for name, service in composed.services.items():
        by_image = service["image"].startswith(OURS)
        if service["restart"] == "unless-stopped":
            assert by_image or service["healthcheck"]["retries"], name


def test_what_writes_to_tmp_has_one(composed):
    for name, service in composed.services.items():
        if service.get("environment", {}).get("HOME") == "/tmp":  # noqa: S108  inside a container
            assert any(one.startswith("/tmp:") for one in service["tmpfs"]), name  # noqa: S108  same
