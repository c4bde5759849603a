"""Who is who: a certificate authority for one cluster, a key pair for each component, and their kubeconfigs."""

import base64
import subprocess
from pathlib import Path

from .layout import Cluster

KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "3650")
USERS = {
    "admin": "/O=system:masters/CN=admin",
    "kcm": "/CN=system:kube-controller-manager",
    "scheduler": "/CN=system:kube-scheduler",
    "proxy": "/CN=system:kube-proxy",
    "front-proxy": "/CN=front-proxy",
}


def make_certificates(cluster: Cluster) -> None:
    """Fill the folder pki: ca, apiserver, node, one for each user, and sa.key for the tokens of service accounts."""
    folder = cluster.path("pki")
    folder.mkdir()
    _openssl(folder, "req", "-x509", *KEY, "-keyout", "ca.key", "-out", "ca.crt", "-subj", "/CN=kube-ca")
    for user, subject in USERS.items():
        _sign(folder, user, subject, ["extendedKeyUsage=clientAuth"])
    names = ["kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"]
    alternatives = [f"DNS:{name}" for name in names] + [f"IP:{cluster.ip}", f"IP:{cluster.api_service_ip}"]
    _sign(folder, "apiserver", "/CN=kube-apiserver", _server(alternatives))
    node_subject = f"/O=system:nodes/CN=system:node:{cluster.node}"
    _sign(folder, "node", node_subject, _server([f"IP:{cluster.ip}", f"DNS:{cluster.node}"]))
    _openssl(folder, "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "sa.key")


def write_kubeconfigs(cluster: Cluster) -> None:
    """One kubeconfig for each user and for the node, with all certificates inside."""
    for user in (*USERS, "node"):
        cluster.write(f"{user}.kubeconfig", _kubeconfig(cluster, user))


def _server(alternatives: list[str]) -> list[str]:
    return ["extendedKeyUsage=clientAuth,serverAuth", f"subjectAltName={','.join(alternatives)}"]


def _sign(folder: Path, name: str, subject: str, extensions: list[str]) -> None:
    added = [word for extension in extensions for word in ("-addext", extension)]
    files = ("-keyout", f"{name}.key", "-out", f"{name}.crt")
    _openssl(folder, "req", "-x509", *KEY, "-CA", "ca.crt", "-CAkey", "ca.key", *files, "-subj", subject, *added)


def _openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


def _kubeconfig(cluster: Cluster, user: str) -> dict[str, object]:
    # The context is named as kind names it, so that scripts find it under either.
    context = f"kind-{cluster.name}"

    def data(name: str) -> str:
        return base64.b64encode(cluster.path("pki", name).read_bytes()).decode()

    server = {"server": cluster.url, "certificate-authority-data": data("ca.crt")}
    identity = {"client-certificate-data": data(f"{user}.crt"), "client-key-data": data(f"{user}.key")}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": context,
        "contexts": [{"name": context, "context": {"cluster": context, "user": context}}],
        "clusters": [{"name": context, "cluster": server}],
        "users": [{"name": context, "user": identity}],
    }
