"""The command line: click commands and their rendering; nothing is decided here."""
