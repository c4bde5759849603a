"""The command line of each daemon of a cluster."""

from collections.abc import Sequence

from .errors import ClusterError
from .layout import Cluster

Commands = dict[str, list[str]]

ETCD = "http://127.0.0.1:2379"
ETCD_PEER = "http://127.0.0.1:2380"


def commands(cluster: Cluster, qps: int, extra: Sequence[str] = ()) -> Commands:
    """Each daemon's command by its short name, in the order of starting.

    `qps` is what controller manager and scheduler may ask of the API server in a second; 0 leaves their own default,
    with which a burst of Jobs takes ten times as long. `extra` holds additions like `apiserver=--v=4`.
    """
    made = {
        "etcd": _etcd(cluster),
        "apiserver": _apiserver(cluster),
        "kcm": _controller_manager(cluster, qps),
        "scheduler": _kube(cluster, "kube-scheduler", *_controller(cluster, "scheduler", qps)),
        "proxy": _kube(cluster, "kube-proxy", f"--config={cluster.path('proxy.yaml')}"),
        "dns": [str(cluster.binaries / "coredns"), f"-conf={cluster.path('Corefile')}"],
        "containerd": [str(cluster.binaries / "containerd"), "-c", str(cluster.path("containerd.toml"))],
        "kubelet": _kubelet(cluster),
    }
    for addition in extra:
        name, equals, argument = addition.partition("=")
        if name not in made or not equals:
            raise ClusterError(f"--arg {addition}: expected DAEMON=ARGUMENT with one of {', '.join(made)}")
        made[name].append(argument)
    return made


def _kube(cluster: Cluster, name: str, *arguments: str) -> list[str]:
    return [str(cluster.binaries / "kubeall"), name, *arguments]


def _etcd(cluster: Cluster) -> list[str]:
    return _kube(
        cluster,
        "etcd",
        f"--data-dir={cluster.path('etcd')}",
        # The data is thrown away with the cluster, so it need not survive the machine.
        "--unsafe-no-fsync",
        "--log-level=warn",
        f"--listen-client-urls={ETCD}",
        f"--advertise-client-urls={ETCD}",
        f"--listen-peer-urls={ETCD_PEER}",
        f"--initial-advertise-peer-urls={ETCD_PEER}",
        f"--initial-cluster=default={ETCD_PEER}",
        "--quota-backend-bytes=8589934592",
    )


def _apiserver(cluster: Cluster) -> list[str]:
    pki = cluster.path("pki")
    return _kube(
        cluster,
        "kube-apiserver",
        f"--etcd-servers={ETCD}",
        f"--advertise-address={cluster.ip}",
        "--secure-port=6443",
        f"--service-cluster-ip-range={cluster.services}",
        "--allow-privileged",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={pki}/sa.key",
        f"--service-account-signing-key-file={pki}/sa.key",
        f"--client-ca-file={pki}/ca.crt",
        f"--tls-cert-file={pki}/apiserver.crt",
        f"--tls-private-key-file={pki}/apiserver.key",
        f"--kubelet-client-certificate={pki}/admin.crt",
        f"--kubelet-client-key={pki}/admin.key",
        "--kubelet-preferred-address-types=InternalIP",
        f"--proxy-client-cert-file={pki}/front-proxy.crt",
        f"--proxy-client-key-file={pki}/front-proxy.key",
        f"--requestheader-client-ca-file={pki}/ca.crt",
        "--requestheader-allowed-names=front-proxy",
        "--requestheader-username-headers=X-Remote-User",
        "--requestheader-group-headers=X-Remote-Group",
        "--requestheader-extra-headers-prefix=X-Remote-Extra-",
    )


def _controller_manager(cluster: Cluster, qps: int) -> list[str]:
    return _kube(
        cluster,
        "kube-controller-manager",
        *_controller(cluster, "kcm", qps),
        f"--root-ca-file={cluster.path('pki/ca.crt')}",
        f"--service-account-private-key-file={cluster.path('pki/sa.key')}",
        "--use-service-account-credentials",
        "--allocate-node-cidrs=false",
    )


def _controller(cluster: Cluster, user: str, qps: int) -> list[str]:
    kubeconfig = cluster.path(f"{user}.kubeconfig")
    purposes = ("kubeconfig", "authentication-kubeconfig", "authorization-kubeconfig")
    rate = [f"--kube-api-qps={qps}", f"--kube-api-burst={qps * 2}"] if qps else []
    return [*(f"--{purpose}={kubeconfig}" for purpose in purposes), "--leader-elect=false", *rate]


def _kubelet(cluster: Cluster) -> list[str]:
    return _kube(
        cluster,
        "kubelet",
        f"--config={cluster.path('kubelet.yaml')}",
        f"--kubeconfig={cluster.path('node.kubeconfig')}",
        f"--hostname-override={cluster.node}",
        f"--node-ip={cluster.ip}",
    )
