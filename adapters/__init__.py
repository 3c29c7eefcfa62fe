"""Every partner's tongue: dialects turn bytes into values and values into bytes, and do nothing else."""
