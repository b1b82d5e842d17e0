"""Commands, files and long-running processes on machines, over SSH."""
