from pinnace.node import command, host_setup


def test_only_switches_that_differ_are_written_and_missing_ones_are_told(tmp_path):
    switches = tmp_path / "proc/sys/net/ipv4"
    switches.mkdir(parents=True)
    (switches / "off").write_text("0\n")
    (switches / "on").write_text("1\n")
    wanted = {"net/ipv4/off": "1", "net/ipv4/on": "1", "net/ipv4/none": "1"}
    problems = host_setup.set_switches(wanted, tmp_path)
    assert problems == ["net.ipv4.none cannot be set: No such file or directory"]
    assert (switches / "off").read_text() == "1"
    assert (switches / "on").read_text() == "1\n"


async def test_modules_are_loaded_only_when_they_are_missing(tmp_path, monkeypatch):
    loaded = []

    async def run(program, arguments):
        loaded.append((program, *arguments))
        raise command.CommandError("modprobe is not installed")

    monkeypatch.setattr(command, "run", run)
    (tmp_path / "proc/sys/net/netfilter").mkdir(parents=True)
    problems = await host_setup.prepare(root=tmp_path)
    assert loaded == [("modprobe", "br_netfilter")]
    assert problems[0] == "the module br_netfilter is not loaded: modprobe is not installed"
