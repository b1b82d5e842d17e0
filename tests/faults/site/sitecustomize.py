"""Makes workers and balancers of a fault run stop at named points; does nothing in any other.

Python imports a module of this name at its start, before the program: nothing of this is in the
program itself.
"""

import os
import sys

if (socket := os.environ.get("SKYFLOW_FAULTS")) and (
    {"worker", "run"} <= {*sys.orig_argv} or "control" in sys.orig_argv
):
    from tests.faults.interception import install

    install(socket)
