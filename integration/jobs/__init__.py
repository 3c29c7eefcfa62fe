"""The verbs: each module is one thing the hub does, as gather → judge → apply in one transaction."""
