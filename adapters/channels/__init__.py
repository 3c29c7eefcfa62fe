"""Channels move bytes to a company and back; what the bytes say is its dialect's."""
