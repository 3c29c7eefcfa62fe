"""The door: what machines and people reach over HTTP, and around it the rim: deadlines, limits, signatures, TLS."""
