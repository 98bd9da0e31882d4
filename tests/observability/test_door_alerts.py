"""What is wrong at the door raises the committed alerts; Prometheus comes in by TLS and with a key.

So the commented lines of the committed prometheus.yml are tried too: they are put in here.
"""

import json
import ssl
import subprocess
import time
from pathlib import Path

import httpx2
import pytest
from processes import COMMAND, eventually
from watched_service import scene

_ROOT = Path(__file__).parents[2]
_DAYS = "5"
_SOMEBODY = {"authorization": "Bearer cmd_live_aaaaaaaa_wrong", "x-forwarded-for": "192.0.2.7"}


def certified(folder):
    """Make certificates as `make certs` does, and let the server's be near its end."""
    subprocess.run([_ROOT / "scripts/make-certs", folder], check=True, capture_output=True)
    (folder / "names").write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\n")
    asked = ["-new", "-key", folder / "server-key.pem", "-subj", "/CN=localhost"]
    subprocess.run(["openssl", "req", *asked, "-out", folder / "server.csr"], check=True)
    by = ["-CA", folder / "ca.pem", "-CAkey", folder / "ca-key.pem", "-set_serial", "7"]
    made = ["-in", folder / "server.csr", "-extfile", folder / "names", "-days", _DAYS]
    signed = ["openssl", "x509", "-req", *made, *by, "-out", folder / "server.pem"]
    subprocess.run(signed, check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def watched(tmp_path_factory):
    """The service with keys and TLS, asked by a Prometheus that has both."""
    folder = tmp_path_factory.mktemp("door")
    pems = certified(folder / "certs")
    guards = {
        "MARKETDATA_TLS_CERTIFICATE": str(pems / "server.pem"),
        "MARKETDATA_TLS_KEY": str(pems / "server-key.pem"),
        "MARKETDATA_REQUIRE_KEYS": "always",
        "MARKETDATA_KEY_DAYS": "2",
        "MARKETDATA_KEY_ROTATE_DAYS": "1",
        "MARKETDATA_KEY_GRACE_HOURS": "0",
        "MARKETDATA_LIMIT_PER_IP": "600",
        "MARKETDATA_TRUSTED_PROXIES": json.dumps(["127.0.0.1"]),
    }
    key = folder / "metrics.key"
    made = [*COMMAND, "keys", "create", "--owner", "prometheus", "--scope", "metrics:read"]
    env = [f"{name}={value}" for name, value in guards.items()]
    where = ["--file", str(key), "--data-dir", str(folder / "data")]
    subprocess.run(["env", *env, *made, *where], check=True, capture_output=True)
    scrape = {
        "scheme": "https",
        "authorization": {"type": "Bearer", "credentials_file": str(key)},
        "tls_config": {"ca_file": str(pems / "ca.pem"), "min_version": "TLS13"},
    }
    with scene(folder, ["binance-usdm"], scrape, **guards) as found:
        yield found


def test_prometheus_comes_in(watched):
    assert eventually(lambda: watched.tower.query('up{job="marketdata"} == 1'))


def test_somebody_who_guesses_keys(watched):
    trust = ssl.create_default_context(cafile=watched.folder / "certs/ca.pem")
    wanted = {"KeysRefused", "RateLimitStorm"}
    codes = set()
    with httpx2.Client(verify=trust, trust_env=False, headers=_SOMEBODY) as client:
        for _ in range(60):
            codes |= {client.get(f"{watched.url}/v1/markets").status_code for _ in range(50)}
            if wanted <= watched.tower.fired():
                break
            time.sleep(0.1)

    assert wanted <= watched.tower.fired()
    assert codes == {401, 429}
    # It is not Prometheus who pays for it.
    assert watched.tower.query('min_over_time(up{job="marketdata"}[5s]) == 1')


@pytest.mark.long
def test_what_is_about_to_expire(watched):
    watched.tower.await_fired({"KeyExpires", "CertificateExpires"}, 90)
