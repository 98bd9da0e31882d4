"""The image, built and run by its own Dockerfile: as far as a machine without an engine goes."""

import json
import re
import shutil
import signal
import time
from pathlib import Path

import pytest
from building import Builder
from composed import BASE, CLUSTER, ROOT, Composed, seconds
from engine import BORROWED_AT, missing

from cloud_marketdata.core.clock import SystemClock

pytestmark = pytest.mark.skipif(bool(missing()), reason=f"no image can be run here: {missing()}")

VENUE = "binance-spot"
SIMULATOR = 18_080
GRACE_S = seconds(Composed(BASE).services["app"]["stop_grace_period"])

# What takes long is left out: the libraries of the lock are those that the tests themselves have.
INSTALLED = Path(pytest.__file__).parents[1]
PACKAGES = "$(python -c 'import site; print(site.getsitepackages()[0])')"
BORROWING = {
    "pip install --require-hashes": f"echo {BORROWED_AT} > {PACKAGES}/lock.pth",
    "pip install --no-deps": "pip install --no-deps --no-index --force-reinstall dist/*.whl",
    "pip uninstall": "true",
}


WHOLE = pytest.param("whole", marks=pytest.mark.long)


@pytest.fixture(scope="module", params=["borrowing", WHOLE])
def image(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("image")
    borrows = request.param == "borrowing"
    builder = Builder(ROOT, folder, *((BORROWING, INSTALLED) if borrows else ({}, None)))
    yield builder.build(ROOT / "deploy/Dockerfile")
    # It has hundreds of megabytes, and pytest would keep three of them.
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def environment():
    """What docker-compose.yml tells the application, with embedded stores and a simulated venue."""
    told = Composed(BASE).environment("app")
    stores = re.compile(r"MARKETDATA_(REDIS|MONGODB|S3)_")
    endpoint = {"ws": f"ws://127.0.0.1:{SIMULATOR}", "rest": f"http://127.0.0.1:{SIMULATOR}"}
    return {name: value for name, value in told.items() if not stores.match(name)} | {
        "MARKETDATA_SYMBOLS": json.dumps({VENUE: ["BTCUSDT"]}),
        "MARKETDATA_ENDPOINTS": json.dumps({VENUE: endpoint}),
        "MARKETDATA_RECONCILE": "false",
    }


@pytest.fixture(scope="module")
def app(image, environment):
    """The running application, and how to run something beside it."""
    with image.running(environment) as process:

        def beside(*command: str, code: int = 0) -> str:
            run = image.beside(process, environment, *command)
            out, err = run.communicate(timeout=60)
            assert run.returncode == code, f"{command}: {run.returncode}\n{out}{err}"
            return out

        line = process.stdout.readline()
        assert line == "listening on http://0.0.0.0:8000\n", (image.box / "stderr").read_text()
        simulate = ("simulate", "--venue", VENUE, "--synthetic", "--seed", "7")
        options = ("--symbols", "BTCUSDT", "--port", str(SIMULATOR))
        simulator = image.beside(process, environment, "marketdata", *simulate, *options)
        try:
            yield process, beside
        finally:
            simulator.kill()
            simulator.communicate()


def asked(beside, path):
    """What `curl` would get from inside: status and document."""
    script = (
        "import sys, urllib.request as u, urllib.error as e\n"
        f"try: a = u.urlopen('http://localhost:8000{path}')\n"
        "except e.HTTPError as error: a = error\n"
        "print(a.status, a.read().decode())"
    )
    status, _, text = beside("python", "-c", script).partition(" ")
    return int(status), json.loads(text)


def eventually(look, patience_s=60.0):
    clock = SystemClock()
    end = clock.monotonic() + patience_s
    while not (found := look()):
        assert clock.monotonic() < end, "not seen in time"
        time.sleep(0.2)
    return found


def test_the_command_of_the_brief_answers(app):
    _, beside = app
    status, health = eventually(
        lambda: (s := asked(beside, "/health"))[1]["status"] == "healthy" and s
    )

    assert status == 200
    assert list(health)[:4] == ["status", "collectors", "storage", "uptime"]


def test_trades_are_collected_and_answered_from_inside_the_image(app):
    _, beside = app
    path = f"/v1/markets/{VENUE}/BTCUSDT/trades"

    assert eventually(lambda: asked(beside, path)[1].get("data"))


def test_the_healthcheck_of_the_image_says_that_it_lives(app, image):
    _, beside = app

    beside(*image.healthcheck)


def test_the_settings_are_printed_and_their_secrets_are_not(app, image):
    """`docker-compose exec app python -c …`, with every store that the compose file names."""
    process, _ = app
    told = Composed(BASE, given={"REDIS_PASSWORD": "planted-here"}).environment("app")
    script = "from cloud_marketdata.core.config import Settings; print(Settings())"
    out, err = image.beside(process, told, "python", "-c", script).communicate(timeout=60)

    assert err == ""
    assert "redis_url=SecretStr('**********')" in out
    assert "planted-here" not in out
    assert "local-only" not in out


def test_it_runs_as_nobody_and_can_write_to_its_volume_alone(app):
    process, beside = app
    script = (
        "import os, pathlib\n"
        "def w(p):\n"
        "    try: pathlib.Path(p, 'x').write_text('x'); return True\n"
        "    except OSError: return False\n"
        "print(os.getuid(), os.getgid(), *map(w, ('/srv/marketdata', '/etc', '/', '/var/lib',"
        " '/var/lib/marketdata', '/tmp')))"
    )
    status = Path(f"/proc/{process.pid}/status").read_text()

    assert beside("python", "-c", script).split() == (
        ["10001", "10001", *["False"] * 4, "True", "True"]
    )
    assert re.search(r"^CapBnd:\t0+$", status, re.MULTILINE)
    assert re.search(r"^NoNewPrivs:\t1$", status, re.MULTILINE)


@pytest.mark.usefixtures("app")
def test_what_it_keeps_lies_in_the_volume_and_is_private(image):
    kept = {path.name for path in (image.box / "volume").iterdir()}
    stat = (image.box / "volume").stat()

    assert "audit" in kept
    assert (stat.st_uid, stat.st_mode & 0o777) == (10001, 0o700)


@pytest.mark.parametrize("image", [WHOLE], indirect=True)
def test_nothing_to_build_with_is_left_in_the_image(app):
    _, beside = app
    script = (
        "import importlib.util as u; print([n for n in ('pip', 'hatchling') if u.find_spec(n)])"
    )

    assert beside("python", "-c", script) == "[]\n"


def test_a_key_is_made_by_the_command_that_the_page_tells(app):
    _, beside = app
    key = beside("marketdata", "keys", "create", "--owner", "me", "--scope", "market:read")

    assert key.startswith("cmd_live_")


def test_it_stops_when_it_is_told_to_and_says_that_all_went_well(app):
    process, _ = app
    process.send_signal(signal.SIGTERM)

    assert process.wait(GRACE_S) == 0


def test_a_process_that_does_not_serve_lives_and_stops_as_well(image, environment):
    """Behind the stop of the other one: the overlay of an image is one container's at a time."""
    given = Composed(CLUSTER).environment("processor-1")
    told = {name: given[name] for name in ("MARKETDATA_ROLE", "MARKETDATA_OPS_PORT")}
    env = environment | told

    def lives() -> bool:
        probe = image.beside(process, env, *image.healthcheck)
        probe.communicate(timeout=60)
        return probe.returncode == 0

    with image.running(env) as process:
        assert eventually(lives)
        process.send_signal(signal.SIGTERM)
        assert process.wait(GRACE_S) == 0
