"""Kubernetes operator for VictoriaMetrics' VMAgent."""
