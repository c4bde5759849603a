"""Asks a starting cluster's API server how far it is."""

import http.client
import json
import ssl

from .layout import Cluster


def is_serving(cluster: Cluster) -> bool:
    """Does the API server say that it is ready?"""
    return _ask(cluster, "/readyz") == "ok"


def has_default_account(cluster: Cluster) -> bool:
    """Can pods be created? They are refused until the controller manager has made the account they run as."""
    return bool(_ask(cluster, "/api/v1/namespaces/default/serviceaccounts/default"))


def is_node_ready(cluster: Cluster) -> bool:
    """Has the kubelet reported that pods can run?"""
    node = json.loads(_ask(cluster, f"/api/v1/nodes/{cluster.node}") or "{}")
    conditions = node.get("status", {}).get("conditions", [])
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)


def _ask(cluster: Cluster, path: str) -> str:
    """The administrator's answer from the API server, or an empty text when there is none (yet)."""
    context = ssl.create_default_context(cafile=cluster.path("pki/ca.crt"))
    context.load_cert_chain(cluster.path("pki/admin.crt"), cluster.path("pki/admin.key"))
    connection = http.client.HTTPSConnection(cluster.ip, 6443, context=context, timeout=5)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.read().decode() if answer.status == http.HTTPStatus.OK else ""
    except (OSError, http.client.HTTPException):
        return ""
    finally:
        connection.close()
