"""The files that install the operator."""
