import base64
import secrets
import string

import pytest
from leaks import leaks
from repository import files, named

BASE62 = string.digits + string.ascii_letters
EXCUSED = {
    "tests/unit/audit/test_audit_redaction.py": "plants one, to see it taken out",
}
"""Files that are accused wrongly, each with the reason."""


def text(letters: str, length: int) -> str:
    return "".join(secrets.choice(letters) for _ in range(length))


def pem() -> str:
    lines = base64.encodebytes(secrets.token_bytes(160)).decode()
    return "-----BEGIN " + f"PRIVATE KEY-----\n{lines}-----END PRIVATE KEY-----\n"


PLANTED = {
    "our key": lambda: f"see cmd_live_{text(BASE62, 8)}_{text(BASE62, 38)} there",
    "private key": pem,
    "private key in one line": lambda: repr(pem()),
    "openssh key": lambda: pem().replace("PRIVATE", "OPENSSH PRIVATE"),
    "cloud id": lambda: "id: " + "AK" + "IA" + text(string.ascii_uppercase, 16),
    "code host": lambda: "gh" + "p_" + text(BASE62, 36),
    "jwt": lambda: f"eyJ{text(BASE62, 20)}.eyJ{text(BASE62, 40)}.{text(BASE62, 43)}",
    "url": lambda: f"redis://default:{text(BASE62, 20)}@db.example.org:6379/0",
    "python": lambda: f'API_KEY: str = "{secrets.token_urlsafe(24)}"',
    "toml": lambda: f"s3_secret_access_key = '{secrets.token_hex(20)}'",
    "json": lambda: f'{{"db_password": "{secrets.token_urlsafe(24)}"}}',
}


@pytest.mark.parametrize("kind", PLANTED)
def test_a_planted_secret_is_found(kind):
    for _ in range(20):
        found = list(leaks(f"first line\n{PLANTED[kind]()}\n"))
        assert [leak.line for leak in found] == [2] * len(found)
        assert found


def test_a_sentence_about_passwords_is_none():
    assert not list(leaks('password = "correct horse battery staple"\ntoken: "next_cursor_of_it"'))


def test_no_file_holds_what_looks_like_a_secret():
    accused = [
        f"{named(path)}:{leak.line}: {leak.kind}: {leak.begins}…"
        for path in files()
        if named(path) not in EXCUSED
        for leak in leaks(path.read_bytes().decode("latin-1"))
    ]

    assert accused == []


def test_every_excused_file_is_still_accused():
    paths = {named(path): path for path in files()}

    assert [name for name in EXCUSED if not list(leaks(paths[name].read_text()))] == []
