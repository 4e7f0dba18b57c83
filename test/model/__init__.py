"""Field tables and their walkers."""
