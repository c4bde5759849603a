"""Tidegate: workflows as Kubernetes custom resources."""
