from pinnace.node.stats.usage import DeviceIO, Groups, pressure_of

V2 = {
    "cgroup.controllers": "cpu memory io pids",
    "pod/cpu.stat": (
        "usage_usec 2000000\nuser_usec 1500000\nsystem_usec 500000\n"
        "nr_periods 10\nnr_throttled 4\nthrottled_usec 70000\n"
    ),
    "pod/cpu.max": "50000 100000\n",
    "pod/cpu.weight": "1\n",
    "pod/cpu.pressure": "some avg10=1.50 avg60=0.50 avg300=0.10 total=700\n"
    "full avg10=0.00 avg60=0.00 avg300=0.00 total=5\n",
    "pod/memory.current": "1000\n",
    "pod/memory.peak": "1500\n",
    "pod/memory.max": "max\n",
    "pod/memory.swap.current": "7\n",
    "pod/memory.swap.max": "70\n",
    "pod/memory.stat": "anon 600\nfile 400\nfile_mapped 40\ninactive_file 300\nactive_file 100\n"
    "pgfault 11\npgmajfault 2\nkernel 90\n",
    "pod/memory.events": "low 0\noom_kill 3\n",
    "pod/pids.current": "5\n",
    "pod/pids.max": "100\n",
    "pod/cgroup.procs": "41\n42\n",
    "pod/io.stat": "254:0 rbytes=4096 wbytes=8192 rios=1 wios=2 dbytes=0 dios=0\n",
}
V1 = {
    "cpuacct/pod/cpuacct.usage": "2000000000\n",
    "cpuacct/pod/cpuacct.stat": "user 150\nsystem 50\n",
    "cpu/pod/cpu.stat": "nr_periods 10\nnr_throttled 4\nthrottled_time 70000000\n",
    "cpu/pod/cpu.cfs_period_us": "100000\n",
    "cpu/pod/cpu.cfs_quota_us": "50000\n",
    "cpu/pod/cpu.shares": "2\n",
    "memory/pod/memory.usage_in_bytes": "1000\n",
    "memory/pod/memory.max_usage_in_bytes": "1500\n",
    "memory/pod/memory.limit_in_bytes": "9223372036854771712\n",
    "memory/pod/memory.memsw.limit_in_bytes": "70\n",
    "memory/pod/memory.kmem.usage_in_bytes": "90\n",
    "memory/pod/memory.stat": "inactive_file 1\ntotal_rss 600\ntotal_cache 400\n"
    "total_mapped_file 40\ntotal_inactive_file 300\ntotal_active_file 100\ntotal_pgfault 11\n"
    "total_pgmajfault 2\ntotal_swap 7\n",
    "memory/pod/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n",
    "pids/pod/pids.current": "5\n",
    "pids/pod/pids.max": "100\n",
    "pids/pod/cgroup.procs": "41\n42\n",
    "blkio/pod/blkio.throttle.io_service_bytes_recursive": "254:0 Read 4096\n254:0 Write 8192\n"
    "254:0 Total 12288\nTotal 12288\n",
    "blkio/pod/blkio.throttle.io_serviced_recursive": "254:0 Read 1\n254:0 Write 2\nTotal 3\n",
}


def tree(root, files):
    for name, text in files.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return Groups(root)


def facts(usage):
    names = (
        "cpu cpu_user cpu_system cpu_period cpu_quota periods throttled_periods throttled memory "
        "working_set rss cache mapped kernel swap swap_limit memory_peak memory_limit page_faults "
        "major_faults active_file inactive_file oom_kills processes threads threads_limit devices"
    )
    return {name: getattr(usage, name) for name in names.split()}


def test_both_versions_tell_the_same(tmp_path):
    two = tree(tmp_path / "2", V2).usage("/pod")
    one = tree(tmp_path / "1", V1).usage("/pod")
    assert facts(two) == facts(one)
    assert (two.cpu, two.cpu_user, two.throttled) == (2_000_000_000, 1_500_000_000, 70_000_000)
    assert (two.memory, two.working_set, two.memory_limit) == (1000, 700, None)
    assert two.devices == (DeviceIO("254:0", 4096, 8192, 1, 2),)
    assert two.cpu_shares == one.cpu_shares == 2


def test_only_version_2_tells_of_pressure(tmp_path):
    two = tree(tmp_path, V2).usage("/pod")
    assert list(two.pressure) == ["cpu"]
    assert (two.pressure["cpu"].some.total, two.pressure["cpu"].some.avg10) == (700, 1.5)
    assert two.pressure["cpu"].full.total == 5


def test_a_group_that_is_not_there_is_told_so(tmp_path):
    assert tree(tmp_path / "2", V2).usage("/other") is None
    assert tree(tmp_path / "1", V1).usage("/other") is None
    assert tree(tmp_path / "3", V1).processes("/other") == []
    assert Groups(tmp_path / "nothing").usage("/") is None


def test_text_that_is_no_pressure_is_none():
    assert pressure_of("") is None
    assert pressure_of("not supported\n") is None
