"""What Prometheus asks in each deployment is there, can be reached, and lets it in."""

import os

import pytest
import yaml
from composed import BASE, CLUSTER, ROOT, Composed, mounts

from cloud_marketdata.core.config import Settings

DEPLOYMENTS = [
    pytest.param(BASE, "prometheus.yml", id="base"),
    pytest.param(CLUSTER, "cluster.yml", id="cluster"),
]


def _jobs(name: str) -> list[dict]:
    return yaml.safe_load((ROOT / "deploy/prometheus" / name).read_text())["scrape_configs"]


def _targets(name: str) -> list[str]:
    jobs = [job for job in _jobs(name) if job["job_name"] == "marketdata"]
    return [one for job in jobs for part in job["static_configs"] for one in part["targets"]]


def _settings(environment: dict[str, str]) -> Settings:
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("MARKETDATA_")]:
            patch.delenv(name)
        for name, value in environment.items():
            patch.setenv(name, value)
        return Settings()


@pytest.mark.parametrize(("path", "config"), DEPLOYMENTS)
def test_every_process_is_asked_where_it_answers(path, config):
    composed = Composed(path)
    running = [name for name in composed.ours() if name != "prepare"]
    asked = dict(target.split(":") for target in _targets(config))

    assert sorted(asked) == sorted(running)
    for name, port in asked.items():
        settings = _settings(composed.environment(name))
        serves = settings.role in {"all", "serve"}
        assert int(port) == (settings.port if serves else settings.ops_port), name
        assert set(composed.services[name]["networks"]) & set(
            composed.services["prometheus"]["networks"]
        )


@pytest.mark.parametrize(("path", "config"), DEPLOYMENTS)
def test_whoever_asks_is_let_in(path, config):
    """By a key, or by a name under which a service may be called that asks for none."""
    composed = Composed(path)
    inside = {target for _, target in mounts(composed.services["prometheus"])}
    for job in _jobs(config):
        key = job.get("authorization", {}).get("credentials_file")
        for name in (target.partition(":")[0] for target in _targets(config)):
            settings = _settings(composed.environment(name))
            if settings.asks_for_keys:
                assert key in inside, name
            else:
                assert name in settings.allowed_hosts, name


@pytest.mark.parametrize(("path", "config"), DEPLOYMENTS)
def test_prometheus_and_grafana_find_their_files_where_they_look(path, config):
    services = Composed(path).services
    command = services["prometheus"]["command"]
    grafana = {target for _, target in mounts(services["grafana"])}

    assert f"--config.file=/etc/prometheus/{config}" in command
    for provider in (ROOT / "deploy/grafana/provisioning/dashboards").glob("*.yml"):
        for one in yaml.safe_load(provider.read_text())["providers"]:
            assert one["options"]["path"] in grafana
    for source in (ROOT / "deploy/grafana/provisioning/datasources").glob("*.yml"):
        for one in yaml.safe_load(source.read_text())["datasources"]:
            assert one["url"] == "http://prometheus:9090"
