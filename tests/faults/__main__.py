"""Starts many runs.

A module of this name: processes that are forked do not import it, and what it imports, again.
"""

from tests.faults.chaos import main

if __name__ == "__main__":
    main(prog_name="python -m tests.faults")
