#!/usr/bin/env bash
# Builds the programs that the live tests run and prints where they are; see README.md.
#
# build.sh [--soak]: with --soak also the programs that only `make soak` runs.
#
# stdout: NAME=PATH for each program (KUBE_APISERVER=PATH, ETCD=PATH …), one per line, and nothing else. Progress and
# errors: stderr.
set -euo pipefail
unset CDPATH GOOS GOARCH

soak=
case "$*" in
  "") ;;
  --soak) soak=yes ;;
  *)
    printf 'error: usage: build.sh [--soak]\n' >&2
    exit 2
    ;;
esac

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
say() { printf 'tests/live/tools: %s\n' "$*" >&2; }
fail() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

# pinned WORD: the second word of the go.mod line that begins with WORD.
pinned() { awk -v word="$1" '$1 == word { print $2; exit }' "$here/kube-apiserver/go.mod"; }
sha256() { if command -v sha256sum >/dev/null; then sha256sum; else shasum -a 256; fi; }

needs="Go $(pinned go) or newer"
command -v go >/dev/null || fail "the live tests build the programs that they run with Go, which is not on PATH: install $needs (https://go.dev/dl/)"

kubernetes=$(pinned k8s.io/kubernetes)
minor=${kubernetes#*.}
version=k8s.io/component-base/version
ldflags="-s -w -X $version.gitVersion=$kubernetes -X $version.gitMajor=1 -X $version.gitMinor=${minor%%.*}"
export CGO_ENABLED=0 GOWORK=off

# Run inside a module, so that a Go that is too old fails here, and a newer toolchain that Go downloads is the one named.
go=$(cd "$here/kube-apiserver" && go list -mod=readonly -m >/dev/null && go version) || fail "the live tests need $needs"

cache=${IMGPOLICY_E2E_TOOLS:-${XDG_CACHE_HOME:-${HOME:?}/.cache}/kubectl-imgpolicy/e2e-tools}
key=$({
  printf '%s\n' "$go" "$ldflags"
  cat "$here"/{kube-apiserver,etcd,kwok,registry,krew,kustomize,kustomize-controller,source-controller}/go.{mod,sum}
} | sha256)
mkdir -p "$cache/${key:0:16}"
folder=$(cd "$cache/${key:0:16}" && pwd)

# Concurrent runs: the second waits, then finds what the first built. Without flock both build, and either result is
# complete because a binary gets its final name only when it is finished.
if command -v flock >/dev/null; then
  exec 9>"$folder/.lock"
  flock --nonblock 9 || {
    say "waiting for another build in $folder"
    flock 9
  }
fi

unfinished=
trap 'rm -f "$unfinished"' EXIT

# build NAME PACKAGE [MODULE]: $folder/NAME, from the module in the folder MODULE, by default NAME.
build() {
  local name=$1 package=$2 module=${3:-$1} start=$SECONDS
  [ ! -x "$folder/$name" ] || return 0
  say "building $name with ${go#go version } (the first build takes minutes)"
  unfinished=$folder/.$name.$$
  (cd "$here/$module" && go build -mod=readonly -buildvcs=false -trimpath -ldflags "$ldflags" -o "$unfinished" "$package") >&2 ||
    fail "could not build $name from $here/$module"
  mv -f "$unfinished" "$folder/$name"
  unfinished=
  say "built $name in $((SECONDS - start)) s"
}

if [ -n "${KUBEBUILDER_ASSETS:-}" ]; then
  assets=$(cd "$KUBEBUILDER_ASSETS" && pwd) || fail "KUBEBUILDER_ASSETS=$KUBEBUILDER_ASSETS is not a folder"
  apiserver=$assets/kube-apiserver
  etcd=$assets/etcd
  for ready in "$apiserver" "$etcd"; do
    [[ -f $ready && -x $ready ]] || fail "KUBEBUILDER_ASSETS=$KUBEBUILDER_ASSETS has no executable ${ready##*/}"
  done
else
  apiserver=$folder/kube-apiserver
  etcd=$folder/etcd
  build etcd go.etcd.io/etcd/server/v3
  build kube-apiserver k8s.io/kubernetes/cmd/kube-apiserver
fi
# These come after kube-apiserver because they share most of its packages.
build kube-controller-manager k8s.io/kubernetes/cmd/kube-controller-manager kube-apiserver
build kube-scheduler k8s.io/kubernetes/cmd/kube-scheduler kube-apiserver
build kwok sigs.k8s.io/kwok/cmd/kwok
build registry github.com/distribution/distribution/v3/cmd/registry
build kustomize-controller github.com/fluxcd/kustomize-controller
build krew sigs.k8s.io/krew/cmd/krew
build kustomize sigs.k8s.io/kustomize/kustomize/v5
build validate-krew-manifest sigs.k8s.io/krew/cmd/validate-krew-manifest krew
[ -z "$soak" ] || build source-controller github.com/fluxcd/source-controller

# The plugin runs under the user's own kubectl, so prefer it; any version works.
kubectl=$(command -v kubectl) || {
  build kubectl k8s.io/kubernetes/cmd/kubectl kube-apiserver
  kubectl=$folder/kubectl
}

printf '%s\n' "KUBE_APISERVER=$apiserver" "ETCD=$etcd" "KUBECTL=$kubectl" \
  "KUBE_CONTROLLER_MANAGER=$folder/kube-controller-manager" "KUBE_SCHEDULER=$folder/kube-scheduler" \
  "KWOK=$folder/kwok" "KUSTOMIZE_CONTROLLER=$folder/kustomize-controller" \
  "REGISTRY=$folder/registry" "KUSTOMIZE=$folder/kustomize" \
  "KREW=$folder/krew" "VALIDATE_KREW_MANIFEST=$folder/validate-krew-manifest"
[ -z "$soak" ] || printf '%s\n' "SOURCE_CONTROLLER=$folder/source-controller"
