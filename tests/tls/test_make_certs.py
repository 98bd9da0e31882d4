"""`make certs`: for this machine alone, readable by its owner alone, and never twice."""

import os
import stat
import subprocess
from pathlib import Path

_MAKE = Path(__file__).parents[2] / "scripts/make-certs"


def made(folder, *options: str):
    done = subprocess.run([_MAKE, *options, folder], check=True, capture_output=True, text=True)
    return done.stdout


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_openssl_believes_them_for_what_they_are_for(pems):
    for name, purpose in (("server", "sslserver"), ("client", "sslclient")):
        judge = ("openssl", "verify", "-x509_strict", "-CAfile", pems.path("ca"))
        subprocess.run([*judge, "-purpose", purpose, pems.path(name)], check=True)
    for host in (("-verify_hostname", "localhost"), ("-verify_ip", "::1")):
        subprocess.run([*judge, *host, pems.path("server")], check=True)


def test_nobody_else_may_read_them_and_nothing_else_is_left(tmp_path):
    os.umask(0o022)
    made(tmp_path / "certs")
    names = {f"{name}{kind}.pem" for name in ("ca", "server", "client") for kind in ("", "-key")}
    assert set(contents(tmp_path / "certs")) == names
    for path in (tmp_path / "certs").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "certs").stat().st_mode) == 0o700


def test_what_is_there_stays_and_the_authority_always_does(tmp_path):
    made(tmp_path)
    before = contents(tmp_path)
    assert "it stays" in made(tmp_path)
    assert contents(tmp_path) == before
    made(tmp_path, "--renew")
    after = contents(tmp_path)
    assert {name for name in before if before[name] == after[name]} == {"ca.pem", "ca-key.pem"}
