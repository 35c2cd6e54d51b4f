import asyncio

import pytest

from pinnace.node import command


async def test_returns_what_is_printed():
    assert await command.run("cat", [], given=b"text") == b"text"


async def test_a_program_that_does_not_read_its_input_is_no_error():
    assert await command.run("echo", ["done"], given=b"x" * 200_000) == b"done\n"


async def test_a_failure_says_what_the_program_said_on_one_line():
    with pytest.raises(command.CommandError, match=r"^sh -c .*: first second$"):
        await command.run("sh", ["-c", "echo first >&2; echo second >&2; exit 3"])


async def test_a_program_that_hangs_is_killed_at_its_deadline():
    with pytest.raises(command.CommandError, match="did not end within"):
        await command.run("sleep", ["60"], deadline=0.05)


async def test_a_cancelled_caller_leaves_no_program_behind():
    running = asyncio.create_task(command.run("sleep", ["60"]))
    await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_a_missing_program_is_refused_with_what_to_install(monkeypatch):
    monkeypatch.setattr(command, "which", lambda program: None)
    with pytest.raises(command.CommandError, match="apt install nftables"):
        await command.run("nft", [])


def test_our_service_managers_variables_are_not_handed_on(monkeypatch):
    monkeypatch.setenv("NOTIFY_SOCKET", "/run/x")
    monkeypatch.setenv("PATH", "/somewhere")
    environment = command.environment()
    assert "NOTIFY_SOCKET" not in environment
    assert environment["PATH"].startswith("/somewhere:")
    assert "/usr/sbin" in environment["PATH"].split(":")
