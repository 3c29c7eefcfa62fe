"""The hub's own SFTP door, for a partner whose system can lay and fetch files and nothing else."""
