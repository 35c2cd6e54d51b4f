"""Every command, in the order in which `pinnace --help` lists them."""

from pinnace.cli.commands.base import Row

_HERE = "pinnace.cli.commands"

COMMANDS = (
    Row("up", f"{_HERE}.up", "Start a cluster, or the one that a data directory has."),
    Row("down", f"{_HERE}.down", "Stop a cluster and its Pods; its data stays."),
    Row("status", f"{_HERE}.status", "Say what runs, and how to use it."),
    Row("doctor", f"{_HERE}.doctor", "Say what this machine lacks, and what to do about it."),
    Row("images", f"{_HERE}.images", "Build, import and list container images."),
    Row("signing-keys", f"{_HERE}.signing_keys", "Exchange the keys of account tokens."),
    Row("apiserver", f"{_HERE}.apiserver", "Run the API server alone."),
    Row("controller-manager", f"{_HERE}.controller_manager", "Run the controllers alone."),
    Row("scheduler", f"{_HERE}.scheduler", "Run the scheduler alone."),
    Row("kubelet", f"{_HERE}.kubelet", "Run a node's kubelet alone."),
    Row("proxy", f"{_HERE}.proxy", "Run a node's Service proxy alone."),
    Row("dns", f"{_HERE}.dns", "Run the cluster DNS alone."),
    Row("envtest-assets", f"{_HERE}.envtest_assets", "Write programs for envtest to start."),
    # What those programs are.
    Row("kube-apiserver", f"{_HERE}.kube_apiserver", "Serve under upstream's name.", hidden=True),
    # What `up` starts: a look at the host, and several components in one process.
    Row("host-check", f"{_HERE}.host_check", "Say what a real node lacks here.", hidden=True),
    Row("components", f"{_HERE}.components", "Run components of a data directory.", hidden=True),
)
