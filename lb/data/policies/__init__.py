"""Load-balancing policies: which of several replicas gets the next request."""

from lb.data.policies.base import Candidate, Policy, Request
from lb.data.policies.choice import POLICIES, Balancing, Choice

__all__ = ["POLICIES", "Balancing", "Candidate", "Choice", "Policy", "Request"]
