"""Kubernetes operator for VictoriaMetrics' VMAgent."""

__version__ = "0.1.0"
