"""A renewed pair is shown without a restart; a broken one is not."""

import asyncio
import shutil
import ssl
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
import websockets
from tls_site import HOST, Pems, site

from cloud_marketdata.core.clock import SystemClock
from cloud_marketdata.core.errors import SettingsError
from cloud_marketdata.security.tls.certificates import Certificates
from cloud_marketdata.security.tls.expiry import expiry_of

pytestmark = pytest.mark.anyio

_MAKE = Path(__file__).parents[2] / "scripts/make-certs"


class Hurried(SystemClock):
    """A clock whose sleep does not last, that counts how often somebody slept."""

    def __init__(self) -> None:
        self.slept = 0

    async def sleep(self, seconds: float) -> None:
        """Yield a few times."""
        del seconds
        self.slept += 1
        await asyncio.sleep(0.01)


@pytest.fixture
def own(pems, tmp_path):
    """A folder of this test's own, filled as the others'."""
    shutil.copytree(pems.folder, tmp_path / "certs")
    return Pems(tmp_path / "certs")


def renew(pems):
    subprocess.run([_MAKE, "--renew", pems.folder], check=True, capture_output=True)


def read(pems):
    return Path(pems.path("server")).read_text()


def leaf(pems):
    pem = read(pems)
    return ssl.PEM_cert_to_DER_cert(pem[: pem.index("-----END") + 25])


async def shown(port, pems, trust=None):
    """Return the certificate that a new client is shown."""
    _, writer = await asyncio.open_connection(
        HOST, port, ssl=trust or pems.trust(), server_hostname="localhost"
    )
    try:
        return writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    finally:
        writer.close()


async def test_a_renewed_pair_is_shown_and_open_connections_go_on(own):
    certificates = Certificates(own.settings(), SystemClock())
    async with site(certificates.context) as served:
        url = f"wss://localhost:{served.port}/"
        old = leaf(own)
        async with websockets.connect(url, ssl=own.trust(), proxy=None) as socket:
            assert await shown(served.port, own) == old
            renew(own)
            assert await shown(served.port, own) == old
            certificates.look()
            assert await shown(served.port, own) == leaf(own) != old
            await socket.send("still here")
            assert await socket.recv() == "still here"
    assert (certificates.renewed, certificates.refused) == (1, 0)


async def test_the_files_are_looked_at_again_and_again(own):
    clock = Hurried()
    certificates = Certificates(own.settings(), clock)
    async with (
        site(certificates.context) as served,
        asyncio.timeout(5),
        asyncio.TaskGroup() as all_,
    ):
        running = all_.create_task(certificates.run())
        renew(own)
        while await shown(served.port, own) != leaf(own):  # noqa: ASYNC110  nobody tells
            await asyncio.sleep(0.01)
        running.cancel()
    assert clock.slept


def of_another(pems):
    """Put a key there that belongs to another certificate."""
    shutil.copy(pems.path("client-key"), pems.path("server-key"))


def cut(pems):
    """Leave half of a certificate, as amid a write."""
    path = Path(pems.path("server"))
    path.write_bytes(path.read_bytes()[:300])


def gone(pems):
    """Take the key away."""
    Path(pems.path("server-key")).unlink()


def locked(pems):
    """Put a key there that wants a passphrase."""
    key = Path(pems.path("server-key"))
    plain = key.rename(key.with_name("plain.pem"))
    command = ("openssl", "pkcs8", "-topk8", "-passout", "pass:secret", "-in", plain, "-out", key)
    subprocess.run(command, check=True, capture_output=True)


@pytest.mark.parametrize("broken", [of_another, cut, gone, locked])
async def test_a_broken_pair_is_refused_and_the_one_before_it_stays(own, broken):
    certificates = Certificates(own.settings(), SystemClock())
    old = leaf(own)
    async with site(certificates.context) as served:
        broken(own)
        certificates.look()
        certificates.look()
        assert (certificates.renewed, certificates.refused) == (0, 1)
        assert await shown(served.port, own) == old
        renew(own)
        certificates.look()
        assert await shown(served.port, own) == leaf(own) != old


@pytest.mark.parametrize("broken", [of_another, cut, gone, locked])
def test_nothing_starts_with_a_broken_pair(own, broken):
    broken(own)
    with pytest.raises(SettingsError, match="tls_certificate"):
        Certificates(own.settings(), SystemClock())


def test_nothing_starts_with_a_broken_authority_of_clients(own):
    Path(own.path("ca")).write_text("nothing")
    with pytest.raises(SettingsError, match="tls_client_ca"):
        Certificates(own.settings(tls_client_ca=own.path("ca")), SystemClock())


async def test_another_authority_of_clients_counts_at_once(own, tmp_path):
    settings = own.settings(tls_client_ca=own.path("ca"))
    certificates = Certificates(settings, SystemClock())
    other = Pems(tmp_path / "other")
    renew(other)
    trust = own.trust()
    trust.load_cert_chain(own.path("client"), own.path("client-key"))
    async with site(certificates.context) as served:
        assert await asked(served.port, trust)
        shutil.copy(other.path("ca"), own.path("ca"))
        certificates.look()
        # A client that was known before comes anew: what it remembers of then is no proof.
        fresh = ssl.create_default_context(cadata=ssl.DER_cert_to_PEM_cert(leaf_ca(other)))
        fresh.check_hostname, fresh.verify_mode = False, ssl.CERT_NONE
        fresh.load_cert_chain(own.path("client"), own.path("client-key"))
        assert not await asked(served.port, fresh)
        fresh.load_cert_chain(other.path("client"), other.path("client-key"))
        assert await asked(served.port, fresh)


def leaf_ca(pems):
    return ssl.PEM_cert_to_DER_cert(Path(pems.path("ca")).read_text())


async def asked(port, trust):
    """Return whether a question is answered: in TLS 1.3 a client learns late that it is refused."""
    try:
        reader, writer = await asyncio.open_connection(
            HOST, port, ssl=trust, server_hostname="localhost"
        )
    except OSError:
        return False
    try:
        writer.write(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        return b"200" in await reader.read()
    except OSError:
        return False
    finally:
        writer.close()


@pytest.mark.parametrize(
    ("seconds_left", "days", "state", "ok"),
    [
        (89 * 86_400, 89, "ok", True),
        (7 * 86_400 - 1, 6, "ends soon", True),
        (1, 0, "ends soon", True),
        (-1, -1, "expired", False),
    ],
)
async def test_the_days_that_are_left_are_told(own, seconds_left, days, state, ok):
    class Then(SystemClock):
        def now(self) -> int:
            return (ends - seconds_left) * 1_000_000_000

    certificates = Certificates(own.settings(), Then())
    ends = int(expiry_of(read(own)).timestamp())
    pulse = await certificates.pulse()
    assert (pulse.detail["days_left"], pulse.state, pulse.ok) == (days, state, ok)


@pytest.mark.parametrize("year", [2026, 2049, 2050, 2099])
def test_the_end_is_the_one_that_openssl_reads(tmp_path, year):
    now = datetime.fromtimestamp(SystemClock().now() // 1_000_000_000, UTC)
    days = max(1, (datetime(year, 6, 1, tzinfo=UTC) - now).days)
    made, key = tmp_path / "made.pem", tmp_path / "key.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -subj /CN=x"
    files = ("-keyout", key, "-out", made, "-days", str(days))
    subprocess.run([*command.split(), *files], check=True, capture_output=True)
    asked = ("openssl", "x509", "-in", made, "-noout", "-enddate", "-dateopt", "iso_8601")
    said = subprocess.run(asked, check=True, capture_output=True, text=True).stdout
    expected = datetime.fromisoformat(said.removeprefix("notAfter=").strip())
    assert expiry_of(made.read_text()) == expected
