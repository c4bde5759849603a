#!/bin/sh
# build.sh FOLDER: every program of the node and the control plane into FOLDER.
# Needs the Go module proxy; runc needs gcc, pkg-config and libseccomp-dev as well.
set -eu
out=$1
cd "$(dirname "$0")"
version_of() { awk -v path="$2" '$1 == path { print $2; exit }' "$1/go.mod"; }

kube=$(version_of kube k8s.io/kubernetes)
minor=${kube#v1.}
base=k8s.io/component-base/version
# The components refuse to talk to each other, and the API server to start, without a version of their own.
CGO_ENABLED=0 go -C kube build -trimpath -o "$out/kubeall" -ldflags "-s -w -X $base.gitVersion=$kube \
  -X $base.gitMajor=1 -X $base.gitMinor=${minor%%.*} -X $base.gitTreeState=clean \
  -X k8s.io/client-go/pkg/version.gitVersion=$kube" .

containerd=github.com/containerd/containerd/v2
CGO_ENABLED=0 go -C containerd build -trimpath -o "$out/" \
  -ldflags "-s -w -X $containerd/version.Version=$(version_of containerd $containerd)" \
  $containerd/cmd/containerd $containerd/cmd/containerd-shim-runc-v2 $containerd/cmd/ctr

# Without the seccomp tag no sandbox starts: the kubelet asks for RuntimeDefault for the pause container.
runc=$(version_of containerd github.com/opencontainers/runc)
CGO_ENABLED=1 go -C containerd build -trimpath -tags "seccomp netgo osusergo" -o "$out/runc" \
  -ldflags "-s -w -extldflags -static -X main.version=${runc#v}" github.com/opencontainers/runc

CGO_ENABLED=0 go -C coredns build -trimpath -o "$out/coredns" -ldflags "-s -w" .

gcc -Os -static -s -o "$out/pause" pause.c
