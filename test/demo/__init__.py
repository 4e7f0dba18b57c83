"""`make run` and `make run-cluster`: the operator at work on the examples, for somebody who has just cloned the repository."""
