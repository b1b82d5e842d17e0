"""Processes: the worker of workflows and activities, and the supervisor of the embedded stack."""
