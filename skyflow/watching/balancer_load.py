"""One question to a balancer: what is asked of its services."""

from __future__ import annotations

import aiohttp
from pydantic import ValidationError

from skyflow.errors import ControllerUnavailable
from skyflow.load import LoadReport

ANSWER_SECONDS = 5.0
"""Longest wait for an answer that is due: the balancer waits four seconds for its data plane."""
_NO_DATA_PLANE = 503


class BalancerError(ControllerUnavailable):
    """A balancer does not say what is asked of its services; worth another try."""


class BalancerSilent(BalancerError):
    """Nobody answers at a balancer's admin address, not in time, or without a data plane."""


class BalancerNonsense(BalancerError):
    """What answers at a balancer's admin address does not answer with a report."""


async def read_load(
    session: aiohttp.ClientSession, admin: str, after: str = "", wait: float = 0
) -> LoadReport:
    """Return what a balancer's processes have counted.

    Args:
        session: Asks.
        admin: URL of the balancer's admin port, such as `http://127.0.0.1:30999`.
        after: `cursor` of the last report; empty to be answered at once.
        wait: Seconds (60 at most) to wait for something that the last report does not have: a
            request for a service without a ready replica, or a new process.

    Raises:
        BalancerSilent: There is no answer within `wait` and five seconds, or no data plane.
        BalancerNonsense: The answer is no report.

    """
    query = {"after": after, "wait": repr(float(wait))}
    timeout = aiohttp.ClientTimeout(total=wait + ANSWER_SECONDS)
    try:
        async with session.get(f"{admin}/load", params=query, timeout=timeout) as response:
            status, content = response.status, await response.read()
    except TimeoutError as error:
        raise BalancerSilent(f"{admin} does not answer within {timeout.total:g} s") from error
    except (aiohttp.ClientConnectionError, OSError) as error:
        raise BalancerSilent(f"{admin} does not answer: {error}") from error
    except (aiohttp.ClientError, ValueError) as error:
        raise BalancerNonsense(f"{admin} does not answer as a balancer: {error!r}") from error
    if status != 200:
        said = content[:200].decode(errors="replace").strip()
        kind = BalancerSilent if status == _NO_DATA_PLANE else BalancerNonsense
        raise kind(f"{admin} answers with status {status}: {said}")
    try:
        return LoadReport.model_validate_json(content)
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        place = ".".join(map(str, problem["loc"])) or "the answer"
        raise BalancerNonsense(
            f"{admin} answers with no report: {place}: {problem['msg']}"
        ) from None
