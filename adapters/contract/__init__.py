"""The contract that dialects, channels and partners sign; the tests and ``waiverhub adapter check`` run it alike."""
