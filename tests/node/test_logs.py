from datetime import UTC, datetime

import pytest

from pinnace.kit.clock import SystemClock
from pinnace.node.containerlogs import NoLog, container_of_log, log_options
from pinnace.node.logrotation import is_full, rotate
from pinnace.node.logs import LogOptions, LogReader, parse_line, tail_offset
from pinnace.node.messages import log_tail

LOG = (
    b"2030-01-01T00:00:00.000000001Z stdout F one\n"
    b"2030-01-01T00:00:01.5Z stderr F two\n"
    b"2030-01-01T00:00:02Z stdout P thr\n"
    b"2030-01-01T00:00:02Z stdout F ee\n"
)


async def read(path, *, running=False, **options):
    reader = LogReader(path, SystemClock(), LogOptions(**options))
    await reader.open()
    return b"".join([block async for block in reader.read(lambda: running)])


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "0.log"
    path.write_bytes(LOG)
    return path


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({}, b"one\ntwo\nthree\n"),
        ({"stream": "Stderr"}, b"two\n"),
        ({"tail_lines": 2}, b"three\n"),
        ({"tail_lines": 0}, b""),
        ({"tail_lines": 100}, b"one\ntwo\nthree\n"),
        ({"limit_bytes": 5}, b"one\nt"),
        ({"since": datetime(2030, 1, 1, 0, 0, 1, tzinfo=UTC)}, b"two\nthree\n"),
        (
            {"timestamps": True, "tail_lines": 3, "stream": "Stderr"},
            b"2030-01-01T00:00:01.5Z two\n",
        ),
    ],
)
async def test_reads_what_is_asked(log, options, wanted):
    assert await read(log, **options) == wanted


async def test_a_carriage_return_ends_no_line(log):
    entry = b"2030-01-01T00:00:00Z stdout F "
    log.write_bytes(entry + b"10%\r100%\n" + entry + b"dos\r\n")
    assert await read(log) == b"10%\r100%\ndos\r\n"
    assert log_tail(log) == "10%\r100%\ndos\r\n"


async def test_follows_until_the_container_has_ended(log):
    alive = [True, True]

    def running():
        if alive:
            alive.pop()
            with log.open("ab") as file:
                file.write(b"2030-01-01T00:00:03Z stdout F more\n")
            return True
        return False

    reader = LogReader(log, SystemClock(), LogOptions(follow=True, tail_lines=0))
    await reader.open()
    found = b"".join([block async for block in reader.read(running)])
    assert found == b"more\nmore\n"


def test_lines_that_are_none_are_left_out():
    assert parse_line(b"nonsense\n") is None
    assert parse_line(b"t stdout F \n").content == b"\n"


def test_the_tail_begins_at_a_line(log):
    assert LOG[tail_offset(log, 1) :] == b"2030-01-01T00:00:02Z stdout F ee\n"


def test_rotation_keeps_a_number_of_files(log):
    assert is_full(log, 10)
    for hour in range(6):
        rotate(log, datetime(2030, 1, 1, hour, tzinfo=UTC), files=4)
        log.write_bytes(b"x")
    names = sorted(each.name for each in log.parent.iterdir())
    assert names == ["0.log", *(f"0.log.20300101-0{hour}0000" for hour in (3, 4, 5))]


def test_the_end_of_the_log_is_a_message(log):
    assert log_tail(log) == "one\ntwo\nthree\n"


def state(**fields):
    return {"containerStatuses": [{"name": "main", "containerID": "containerd://1", **fields}]}


ENDED = {"terminated": {"containerID": "containerd://0"}}


def test_finds_the_container_that_is_meant():
    running = state(state={"running": {}}, lastState=ENDED)
    assert container_of_log(running, "web", "main", previous=False) == "1"
    assert container_of_log(running, "web", "main", previous=True) == "0"
    waiting = state(state={"waiting": {"reason": "CrashLoopBackOff"}}, lastState=ENDED)
    assert container_of_log(waiting, "web", "main", previous=False) == "0"


@pytest.mark.parametrize(
    ("status", "previous", "text"),
    [
        ({}, False, 'container "main" in pod "web" is not available'),
        (
            state(state={"waiting": {"reason": "ContainerCreating"}}),
            False,
            'container "main" in pod "web" is waiting to start: ContainerCreating',
        ),
        (
            state(state={"waiting": {"reason": "ImagePullBackOff"}}),
            False,
            'container "main" in pod "web" is waiting to start: trying and failing to pull image',
        ),
        (
            state(state={"running": {}}),
            True,
            'previous terminated container "main" in pod "web" not found',
        ),
    ],
)
def test_says_why_there_is_no_log(status, previous, text):
    with pytest.raises(NoLog) as caught:
        container_of_log(status, "web", "main", previous=previous)
    assert str(caught.value) == text


def test_reads_the_query():
    now = datetime(2030, 1, 1, tzinfo=UTC)
    found = log_options({"tailLines": "3", "sinceSeconds": "60", "follow": "true"}, now)
    assert found.tail_lines == 3
    assert found.follow
    assert found.since == datetime(2029, 12, 31, 23, 59, tzinfo=UTC)
    with pytest.raises(ValueError, match="invalid"):
        log_options({"tailLines": "x"}, now)


async def test_what_was_written_just_before_a_rotation_is_followed(log):
    class Unlucky(LogReader):
        """Finds the end of the file just before the last line and the rotation come."""

        def _rotated(self, descriptor):
            if not (rotated := log.with_name("1.log")).exists():
                with log.open("ab") as file:
                    file.write(b"2030-01-01T00:00:03Z stdout F last\n")
                log.rename(rotated)
                log.write_bytes(b"2030-01-01T00:00:04Z stdout F first\n")
            return super()._rotated(descriptor)

    reader = Unlucky(log, SystemClock(), LogOptions(follow=True, tail_lines=0))
    await reader.open()
    assert b"".join([block async for block in reader.read(lambda: False)]) == b"last\nfirst\n"


def test_the_end_of_a_long_log_is_found_without_reading_it_all(log):
    line = b"2030-01-01T00:00:00Z stdout F " + b"x" * 100 + b"\n"
    log.write_bytes(line * 10000 + b"2030-01-01T00:00:00Z stderr F the end\n")
    assert log_tail(log).endswith("x\nthe end\n")


def test_more_seconds_than_there_is_time_mean_everything():
    now = datetime(2030, 1, 1, tzinfo=UTC)
    assert log_options({"sinceSeconds": "99999999999999"}, now).since is None
