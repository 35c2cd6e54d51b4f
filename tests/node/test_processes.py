import os
import sys

from pinnace.node import processes


def started(tmp_path, *words):
    return processes.start_detached(
        [sys.executable, "-c", *words], log=tmp_path / "log", environment=dict(os.environ)
    )


def test_a_detached_program_is_found_by_its_file_and_ended(tmp_path):
    process = started(tmp_path, "import time; time.sleep(60)")
    processes.save(process, tmp_path / "pid")
    assert processes.load(tmp_path / "pid") == process
    assert os.getsid(process.pid) == process.pid
    processes.end(process, grace=5)
    assert not process.is_alive()
    assert processes.load(tmp_path / "pid") is None


def test_what_it_prints_is_logged(tmp_path):
    process = started(tmp_path, "print('hello')")
    assert processes.wait(process, timeout=10)
    assert (tmp_path / "log").read_text() == "hello\n"


def test_our_narrow_umask_is_not_handed_on(tmp_path):
    before = os.umask(0o077)
    try:
        process = started(tmp_path, "import os; print(oct(os.umask(0)))")
    finally:
        os.umask(before)
    assert processes.wait(process, timeout=10)
    assert (tmp_path / "log").read_text() == "0o22\n"


def test_another_process_with_the_same_number_is_not_ours(tmp_path):
    (tmp_path / "pid").write_text(f"{os.getpid()} 1\n")
    assert processes.load(tmp_path / "pid") is None


def test_descendants_are_found_through_the_generations(tmp_path):
    me = processes.find(os.getpid())
    process = started(
        tmp_path,
        "import subprocess,sys; "
        "subprocess.run([sys.executable, '-c', 'import sys; sys.stdin.read()'],"
        " stdin=subprocess.PIPE)",
    )
    try:
        assert process in processes.descendants(me)
        assert process in list(processes.running())
    finally:
        for child in [*processes.descendants(process), process]:
            processes.end(child, grace=0)


def test_a_missing_or_broken_file_names_no_process(tmp_path):
    assert processes.load(tmp_path / "pid") is None
    (tmp_path / "pid").write_text("rubbish")
    assert processes.load(tmp_path / "pid") is None
