"""Every component, in the order in which a cluster starts them."""

from pinnace.cluster.components.base import Component

_HERE = "pinnace.cluster.components"

COMPONENTS = (
    Component("apiserver", f"{_HERE}.apiserver"),
    Component("controller-manager", f"{_HERE}.controller_manager"),
    Component("scheduler", f"{_HERE}.scheduler"),
    Component("sim", f"{_HERE}.sim"),
    Component("kubelet", f"{_HERE}.kubelet"),
    Component("proxy", f"{_HERE}.proxy"),
    Component("dns", f"{_HERE}.dns"),
)
