"""Records and verdicts handed on to other tools; reads the record and nothing else."""
