"""Deterministic workflows: the installation, each service, each replica."""
