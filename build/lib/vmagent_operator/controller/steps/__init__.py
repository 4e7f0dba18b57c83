"""What a reconcile of an owner does, one module a step: gather, plan, apply, roll out, prune, report."""
