import re
import shlex
from collections.abc import Iterator

import pytest
from composed import BASE, CLUSTER, OPEN, ROOT, Composed

from cloud_marketdata.cli import app

PAGE = (ROOT / "docs/DOCKER_COMMANDS.md").read_text()
BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# What the specification asks for, word by word; the last one has another name here.
ASKED = (
    "docker-compose ps",
    "curl http://localhost:8000/health",
    "docker stats $(docker-compose ps -q)",
    "docker-compose logs -f",
    'docker-compose exec app python -c "from src.core.config import Settings; print(Settings())"',
)
RENAMED = ASKED[-1].replace("from src.", "from cloud_marketdata.")
VERBS = {
    *("build", "config", "down", "exec", "kill", "logs", "pause", "ps", "run", "start", "stop"),
    *("top", "unpause", "up"),
}
# Options of docker-compose and of its verbs that take a value.
WITH_VALUE = {"-f", "--env-file", "--profile", "--since", "--scale", "-s"}
BRIEF = ROOT.parent / "shared/brief.md"


def commands() -> list[str]:
    """Return every line that the page tells people to type."""
    return [line for block in BLOCK.findall(PAGE) for line in block.splitlines()]


def composes() -> Iterator[str]:
    """Yield every call of docker-compose, also those inside other commands."""
    for line in commands():
        yield from re.findall(r"\$\((docker-compose [^)]*)\)", line)
        if outer := re.match(r"(?:[A-Z_]+=\S+ )*(docker-compose .*?)(?: [<>] \S+)?$", line):
            yield outer[1]


@pytest.mark.parametrize("command", ASKED)
def test_every_command_of_the_specification_is_on_the_page(command):
    assert f"`{command}`" in PAGE
    assert (RENAMED if command is ASKED[-1] else command) in commands()


@pytest.mark.skipif(not BRIEF.exists(), reason="the specification itself is not here")
def test_the_specification_asks_for_no_other():
    section = BRIEF.read_text().partition("### Docker Commands")[2].split("```")[1]
    asked = [line for line in section.splitlines()[1:] if line and line[0] != "#"]

    assert asked == list(ASKED)


def parsed(command: str) -> tuple[tuple, str, list[str]]:
    """Return the files, the verb, and the words behind it that are no options."""
    words = shlex.split(command)[1:]
    files, rest = [], []
    while words:
        word = words.pop(0)
        if word == "-f" and not rest:
            files.append(ROOT / words.pop(0))
        elif word in WITH_VALUE and not (word == "-f" and rest[:1] == ["logs"]):
            words.pop(0)
        elif rest[:1] in (["exec"], ["run"]) and len(rest) > 1:
            return tuple(files or [BASE]), rest[0], [*rest[1:], word, *words]
        elif not word.startswith("-"):
            rest.append(word)
    return tuple(files or [BASE]), rest[0], rest[1:]


@pytest.mark.parametrize("command", sorted(set(composes())))
def test_every_command_names_files_verbs_and_services_that_there_are(command):
    files, verb, words = parsed(command)
    services = words[:1] if verb in {"exec", "run"} else words

    assert files in {(BASE,), (BASE, OPEN), (CLUSTER,)}
    assert verb in VERBS
    assert set(services) <= Composed(*files).services.keys()


@pytest.mark.parametrize("command", sorted(set(composes())))
def test_every_command_that_is_run_in_a_container_is_one_that_is_there(command):
    files, verb, words = parsed(command)
    if verb not in {"exec", "run"}:
        return
    service, program, *arguments = words
    image = Composed(*files).services[service]["image"].partition(":")[0]
    programs = {
        "cloud-marketdata": {"marketdata", "python", "ls", "tar"},
        "redis": {"redis-cli"},
        "mongo": {"mongosh", "mongodump", "mongorestore"},
        "pgsty/minio": {"ls"},
    }

    assert program in programs[image]
    if program == "marketdata":
        app.parse_args(arguments, exit_on_error=False, print_error=False)
    if arguments[:1] == ["-c"]:
        compile(arguments[1], command, "exec")


def test_the_commands_in_containers_are_found_at_all():
    run = [parsed(command)[2][1] for command in composes() if parsed(command)[1] in {"exec", "run"}]

    assert {"marketdata", "python", "redis-cli", "mongosh", "mongodump", "tar"} <= set(run)


def test_every_file_that_the_page_names_is_there():
    named = re.findall(r"(?<![\w/.])((?:deploy|scripts|requirements)/[\w./-]*\w)", PAGE)

    missing = [name for name in named if not (ROOT / name).exists()]
    assert set(missing) <= {"deploy/cluster/.env", "deploy/cluster/metrics.key"}


def test_every_variable_that_the_page_names_is_one():
    known = (ROOT / "docker-compose.yml").read_text() + CLUSTER.read_text() + OPEN.read_text()
    known += (ROOT / "deploy/marketdata.env").read_text() + (ROOT / "deploy/Dockerfile").read_text()
    named = set(re.findall(r"\b([A-Z][A-Z0-9]+_[A-Z0-9_]+)\b", PAGE))

    assert named
    assert [name for name in sorted(named) if name not in known] == []


def test_the_profile_of_the_page_is_one():
    profiles = set(re.findall(r"--profile (\w+)", PAGE))

    assert profiles == {"monitoring"}
    for files in (BASE, CLUSTER):
        services = Composed(files).services.values()
        assert {one for service in services for one in service.get("profiles", ())} == profiles
