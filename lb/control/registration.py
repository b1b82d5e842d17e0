"""Makes a balancer known to the installation."""

from __future__ import annotations

import logging
from datetime import timedelta

from temporalio.client import Client

from skyflow.contracts import BalancerRegistration, Balancers, Message
from skyflow.updates import ask_installation
from skyflow.watching.balancers import known_admins

_CALL_TIMEOUT = timedelta(seconds=10)

_log = logging.getLogger(__name__)


async def ensure_registered(client: Client, balancer: str, admin: str = "") -> None:
    """Register a balancer with the installation, unless the running one knows it and its address.

    The installation's workflow is started if it does not run. Asking adds nothing to its history.

    Args:
        client: Where the installation runs.
        balancer: Its id.
        admin: URL of its admin port; empty if it has none, which leaves what is known.

    Raises:
        Exception: Temporal or the installation does not answer.
    """
    known = (await known_admins(client)).get(balancer)
    if known is not None and (not admin or known == admin):
        return
    registration = BalancerRegistration(balancer=balancer, admin=admin)
    await ask_installation(
        client, Message.REGISTER_BALANCER, registration, Balancers, timeout=_CALL_TIMEOUT
    )
    _log.info("balancer %s is registered", balancer)
