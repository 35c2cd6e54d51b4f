"""All controllers."""

import socket
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from pinnace.client.kubeconfig import Config
from pinnace.cluster.components.base import Place
from pinnace.cluster.credentials import config_for
from pinnace.cluster.surroundings import Ready, Surroundings
from pinnace.controllers.base import Config as ControllerConfig
from pinnace.controllers.runtime import run_controllers
from pinnace.kit.uids import new_uid
from pinnace.kit.x509 import KeyPair

_AGENT = "pinnace-controller-manager"


async def run(place: Place, around: Surroundings, ready: Ready) -> None:
    """Run the controllers of a data directory's cluster."""
    connection = config_for(place.config, place.pki, place.pki.clients["controller-manager"])
    await control(
        around,
        connection,
        pod_cidr=place.config.pod_cidr,
        leader_elect=False,
        own_accounts=True,
        signer=place.pki.authority.key_pair,
        sign_token=place.pki.signing_keys.sign,
        ready=ready,
    )


async def control(
    around: Surroundings,
    connection: Config,
    *,
    pod_cidr: str,
    leader_elect: bool,
    own_accounts: bool,
    ready: Ready,
    signer: KeyPair | None = None,
    sign_token: Callable[[Mapping[str, Any]], str] | None = None,
) -> None:
    """Run the controllers of any cluster; approved requests are signed only with a `signer`.

    With `own_accounts` each acts as its own service account, and the connection's user needs no
    more rights than upstream's controller manager has.
    """
    client = around.client(connection, component="controller-manager")
    accounts = around.accounts(connection, client) if own_accounts else None
    await run_controllers(
        client,
        await around.informers(connection),
        around.clock,
        leader_elect=leader_elect,
        identity=f"{socket.gethostname()}_{new_uid()}",
        config=ControllerConfig(
            root_ca=connection.ca.decode(),
            signing_certificate=signer.certificate.decode() if signer else "",
            signing_key=signer.key.decode() if signer else "",
            sign_token=sign_token,
            cluster_cidrs=(pod_cidr,) if pod_cidr else (),
        ),
        client_for=partial(accounts.client, user_agent=_AGENT) if accounts else None,
        ready=ready,
    )
