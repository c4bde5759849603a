"""Kubeconfig files: find them, merge them as kubectl does, and make of one context a login.

https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/ has the rules.
"""

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from ssl import SSLContext
from typing import Any

import yaml

from tidegate.errors import UsageError
from tidegate.kube import tls
from tidegate.kube.authorization import Authorization, Fixed, TokenFile, basic
from tidegate.kube.execlogin import ExecLogin

Entry = dict[str, Any]

# Acting with other rights than the file says would be worse than not acting.
_UNSUPPORTED = ("auth-provider", "as", "as-uid", "as-groups", "as-user-extra")


@dataclass(frozen=True, slots=True)
class Login:
    """One context, ready for use; the fields are those of `credentials.Credentials`."""

    server: str
    namespace: str
    tls: SSLContext | None
    authorization: Authorization
    proxy: str | None
    server_name: str | None


def paths(chosen: str | None, environ: Mapping[str, str]) -> list[Path]:
    """Give the files to read: the chosen one, else those of `$KUBECONFIG`, else `~/.kube/config`."""
    if chosen:
        return [Path(chosen).expanduser()]
    if listed := [Path(part) for part in environ.get("KUBECONFIG", "").split(":") if part]:
        return listed
    return [Path(environ.get("HOME", "~")).expanduser() / ".kube" / "config"]


def load(files: Sequence[Path], context: str | None = None, *, is_in_pod: bool = False) -> Login:
    """Read and merge the files that exist, and make a login of a context (the current one by default).

    Raises:
        UsageError: there is none, it is not valid, or asks for something that is not supported.
    """
    present = [path for path in files if path.is_file()]
    if not present:
        looked = ", ".join(str(path) for path in files)
        pod = "; the pod has a service account mount, but no KUBERNETES_SERVICE_HOST or token" if is_in_pod else ""
        raise UsageError(f"no cluster is configured: there is no kubeconfig at {looked}{pod}")
    return _login(_merge([_read(path) for path in present]), context, ", ".join(str(path) for path in present))


def _read(path: Path) -> Entry:
    """Parse one file; relative paths in it become absolute."""
    try:
        text = path.read_text(encoding="utf-8")
        document = yaml.safe_load(text) or {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UsageError(f"the kubeconfig {path} cannot be read: {error}") from error
    if not isinstance(document, dict):
        raise UsageError(f"the kubeconfig {path} is not a mapping but {type(document).__name__}")
    folder = path.absolute().parent
    for entry in _entries(document, "clusters", "cluster").values():
        _make_absolute(entry, folder, "certificate-authority")
    for entry in _entries(document, "users", "user").values():
        _make_absolute(entry, folder, "client-certificate", "client-key", "tokenFile")
        command = (entry.get("exec") or {}).get("command")
        if isinstance(command, str) and "/" in command:  # a bare name is looked up in $PATH
            entry["exec"]["command"] = str(folder / command)
    return document


def _make_absolute(entry: Entry, folder: Path, *keys: str) -> None:
    for key in keys:
        if entry.get(key):
            entry[key] = str(folder / str(entry[key]))


def _entries(document: Entry, plural: str, singular: str) -> dict[str, Entry]:
    """Give the named entries of a list; of two with one name the first wins."""
    entries: dict[str, Entry] = {}
    for item in document.get(plural) or []:
        if isinstance(item, dict) and isinstance(item.get(singular), dict):
            entries.setdefault(str(item.get("name", "")), item[singular])
    return entries


def _merge(documents: Sequence[Entry]) -> Entry:
    """Join the files: what an earlier one says is never changed by a later one."""
    merged: Entry = {"current-context": ""}
    for plural, singular in (("clusters", "cluster"), ("users", "user"), ("contexts", "context")):
        merged[plural] = {}
        for document in reversed(documents):
            merged[plural] |= _entries(document, plural, singular)
    merged["current-context"] = next((name for doc in documents if (name := doc.get("current-context"))), "")
    return merged


def _login(config: Entry, chosen: str | None, where: str) -> Login:
    name = chosen or config["current-context"]
    if not name:
        raise UsageError(f"{where} has no current-context: choose one of {_listed(config['contexts'])}")
    context = _named(config, "contexts", name, where)
    cluster = _named(config, "clusters", str(context.get("cluster", "")), where)
    user = _named(config, "users", str(context["user"]), where) if context.get("user") else {}
    server = str(cluster.get("server", "")).rstrip("/")
    if not server.startswith(("https://", "http://")):
        raise UsageError(f"{where}: cluster {context.get('cluster')!r} has server {server!r}, expected an http(s) URL")
    try:
        ssl_context = _tls(cluster, user) if server.startswith("https://") else None
        authorization = _authorization(user, cluster, ssl_context)
        proxy = _proxy(cluster)
    except (OSError, ValueError) as error:
        raise UsageError(f"{where}: context {name!r}: {error}") from error
    namespace = str(context.get("namespace") or "default")
    return Login(server, namespace, ssl_context, authorization, proxy, cluster.get("tls-server-name"))


def _named(config: Entry, plural: str, name: str, where: str) -> Entry:
    if name not in config[plural]:
        raise UsageError(f"{where} has no {plural[:-1]} {name!r}: there is {_listed(config[plural])}")
    entry: Entry = config[plural][name]
    return entry


def _listed(entries: Entry) -> str:
    return ", ".join(sorted(entries)) or "none"


def _tls(cluster: Entry, user: Entry) -> SSLContext:
    authority = _pem(cluster, "certificate-authority")
    insecure = bool(cluster.get("insecure-skip-tls-verify"))
    if insecure and authority:
        raise ValueError("it has both a certificate-authority and insecure-skip-tls-verify: remove one of them")
    context = tls.a_context(authority=authority, verify=not insecure)
    certificate, key = _pem(user, "client-certificate"), _pem(user, "client-key")
    if bool(certificate) != bool(key):
        raise ValueError("a client certificate needs its key, and the other way round: one of them is missing")
    if certificate and key:
        tls.add_client_certificate(context, certificate, key)
    return context


def _pem(entry: Entry, key: str) -> str | None:
    """Give PEM text from `<key>-data`, which goes first, or from the file `<key>`."""
    if data := entry.get(f"{key}-data"):
        try:
            return base64.b64decode(str(data), validate=True).decode("ascii")
        except (binascii.Error, UnicodeDecodeError) as error:
            raise ValueError(f"{key}-data is not base64 of a PEM text: {error}") from error
    return Path(entry[key]).read_text(encoding="ascii") if entry.get(key) else None


def _authorization(user: Entry, cluster: Entry, context: SSLContext | None) -> Authorization:
    if refused := [key for key in _UNSUPPORTED if user.get(key)]:
        raise ValueError(
            f"its user has {', '.join(refused)}, which is not supported: use a token, a certificate or exec instead"
        )
    if user.get("tokenFile"):
        return TokenFile(Path(user["tokenFile"]))
    if user.get("token"):
        return Fixed(f"Bearer {user['token']}")
    if user.get("username"):
        return basic(str(user["username"]), str(user.get("password", "")))
    if isinstance(user.get("exec"), dict):
        return ExecLogin.from_kubeconfig(user["exec"], cluster, context)
    return Fixed()


def _proxy(cluster: Entry) -> str | None:
    proxy = cluster.get("proxy-url")
    if proxy and not str(proxy).startswith(("http://", "https://")):
        raise ValueError(f"proxy-url is {proxy!r}, expected an http(s) URL: other proxies are not supported")
    return str(proxy) if proxy else None
