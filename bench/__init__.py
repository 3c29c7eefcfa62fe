"""Benchmarks: each prints our time as a ratio to a limit that ran beside it, on the same rows and the same database."""
