"""A real Kubernetes on one Linux machine without Docker; `python3 -m e2e.cluster --help` in the project's folder."""
