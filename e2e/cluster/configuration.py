"""The configuration files of the daemons that take more than a command line."""

from .layout import Cluster
from .prerequisites import cni_folder

PAUSE = "docker.io/tidegate/pause:1"

CONTAINERD = """\
version = 3
root = "{root}"
state = "/run/containerd"

[grpc]
address = "{socket}"

[plugins."io.containerd.cri.v1.images"]
snapshotter = "overlayfs"

[plugins."io.containerd.cri.v1.images".pinned_images]
sandbox = "{pause}"

[plugins."io.containerd.cri.v1.runtime"]
restrict_oom_score_adj = true

[plugins."io.containerd.cri.v1.runtime".cni]
bin_dirs = ["{cni}"]
conf_dir = "{cni_configuration}"

[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
"""

COREDNS = """\
.:53 {{
    bind {ip} 127.0.0.1
    errors
    kubernetes cluster.local in-addr.arpa {{
        kubeconfig {kubeconfig}
        ttl 1
    }}
}}
"""


def write_configuration(cluster: Cluster) -> None:
    """Write all of them into the cluster's folder."""
    containerd = CONTAINERD.format(
        root=cluster.path("containerd"),
        socket=cluster.socket,
        pause=PAUSE,
        cni=cni_folder(),
        cni_configuration=cluster.path("cni"),
    )
    cluster.write("containerd.toml", containerd)
    cluster.write("cni/10-bridge.conflist", _pod_network(cluster))
    cluster.write("resolv.conf", "nameserver 127.0.0.1\n")
    cluster.write("Corefile", COREDNS.format(ip=cluster.ip, kubeconfig=cluster.kubeconfig))
    cluster.write("kubelet.yaml", _kubelet(cluster))
    cluster.write("proxy.yaml", _proxy(cluster))


def _pod_network(cluster: Cluster) -> dict[str, object]:
    addresses = {
        "type": "host-local",
        "dataDir": "/run/cni-addresses",
        "ranges": [[{"subnet": cluster.pods}]],
        "routes": [{"dst": "0.0.0.0/0"}],
    }
    bridge = {"type": "bridge", "bridge": "cni0", "isGateway": True, "hairpinMode": True, "ipam": addresses}
    port_map = {"type": "portmap", "capabilities": {"portMappings": True}}
    return {"cniVersion": "1.0.0", "name": "pods", "plugins": [bridge, port_map]}


def _kubelet(cluster: Cluster) -> dict[str, object]:
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(cluster.path("pki/ca.crt"))},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": str(cluster.path("pki/node.crt")),
        "tlsPrivateKeyFile": str(cluster.path("pki/node.key")),
        "containerRuntimeEndpoint": f"unix://{cluster.socket}",
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{cluster.netns}",
        "failCgroupV1": False,
        "enforceNodeAllocatable": [],
        "failSwapOn": False,
        "maxPods": 240,
        "clusterDNS": [cluster.ip],
        "clusterDomain": "cluster.local",
        "resolvConf": str(cluster.path("resolv.conf")),
        "podLogsDir": str(cluster.path("podlogs")),
        "kubeAPIQPS": 200,
        "kubeAPIBurst": 400,
        "eventRecordQPS": 0,
        "serializeImagePulls": False,
        # Images cannot be pulled again, and a developer's disk is often fuller than a node's.
        "imageGCHighThresholdPercent": 100,
        "imageGCLowThresholdPercent": 99,
        "evictionHard": {"nodefs.available": "1%", "imagefs.available": "1%", "memory.available": "100Mi"},
    }


def _proxy(cluster: Cluster) -> dict[str, object]:
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "nftables",
        "hostnameOverride": cluster.node,
        "clientConnection": {"kubeconfig": str(cluster.path("proxy.kubeconfig"))},
        "detectLocalMode": "ClusterCIDR",
        "clusterCIDR": cluster.pods,
        # The limit on tracked connections is the whole machine's: leave it alone.
        "conntrack": {"maxPerCore": 0},
        "nftables": {"minSyncPeriod": "0s"},
    }
