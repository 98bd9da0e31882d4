"""A real Prometheus over the committed configuration, in a hurry, and what it has seen."""

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import httpx2
import yaml
from committed import PROMETHEUS
from processes import NO_TLS, eventually
from scaled import scaled

from servers.installed import program
from servers.program import HOST, Program, free_port

FACTOR: Final = 0.01
"""A minute of the committed rules is 600 ms here."""
SCRAPE_MS: Final = 300
_PATIENCE_S: Final = 40


class Watchtower(Program):
    """Prometheus with the committed rules; `scrape` says more of how the one job is asked."""

    def __init__(self, folder: Path, target: str, scrape: Mapping[str, Any] | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.url = f"http://{HOST}:{free_port()}"
        _configure(folder, target, scrape or {})
        command = (
            program("prometheus"),
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'tsdb'}",
            f"--web.listen-address={self.url.removeprefix('http://')}",
            "--log.level=warn",
        )
        super().__init__("prometheus", folder, command, self._ready)

    def query(self, expression: str) -> list[dict[str, Any]]:
        """Ask now."""
        return self._get("/api/v1/query", query=expression)["result"]

    def firing(self) -> dict[str, list[dict[str, Any]]]:
        """Return the alerts that fire at this moment, by name."""
        found: dict[str, list[dict[str, Any]]] = {}
        for alert in self._get("/api/v1/alerts")["alerts"]:
            if alert["state"] == "firing":
                found.setdefault(alert["labels"]["alertname"], []).append(alert)
        return found

    def fired(self) -> set[str]:
        """Return the names of the alerts that have fired since the start."""
        found = self.query(
            'count by (alertname) (count_over_time(ALERTS{alertstate="firing"}[1h]))'
        )
        return {one["metric"]["alertname"] for one in found}

    def await_fired(self, names: Collection[str], seconds: float = _PATIENCE_S) -> None:
        """Return when each of these has fired; tells which has not."""
        missing = set(names)

        def all_have() -> bool:
            missing.difference_update(self.fired())
            assert not missing, f"has not fired: {sorted(missing)}; fires: {sorted(self.firing())}"
            return True

        eventually(all_have, seconds)

    def await_silent(self, names: Iterable[str], seconds: float = _PATIENCE_S) -> None:
        """Return when none of these fires any more."""
        wanted = set(names)

        def none_does() -> bool:
            left = wanted & self.firing().keys()
            assert not left, f"still fires: {sorted(left)}"
            return True

        eventually(none_does, seconds)

    def _get(self, path: str, **params: str) -> dict[str, Any]:
        asked = params or None
        answer = httpx2.get(
            self.url + path, params=asked, timeout=20, trust_env=False, verify=NO_TLS
        )
        told = answer.json()
        assert told["status"] == "success", told
        return told["data"]

    def _ready(self) -> None:
        answer = httpx2.get(f"{self.url}/-/ready", trust_env=False, verify=NO_TLS)
        answer.raise_for_status()


def _configure(folder: Path, target: str, scrape: Mapping[str, Any]) -> None:
    """Write the committed files with other times, and with this target."""
    config = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text())
    often = f"{SCRAPE_MS}ms"
    config["global"] = dict.fromkeys(("scrape_interval", "evaluation_interval"), often)
    config["global"]["scrape_timeout"] = often
    (job,) = config["scrape_configs"]
    job["static_configs"] = [{"targets": [target]}]
    job.update(scrape)
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    for file in config["rule_files"]:
        faster = scaled(yaml.safe_load((PROMETHEUS / file).read_text()), FACTOR, SCRAPE_MS)
        (folder / file).write_text(yaml.safe_dump(faster))
