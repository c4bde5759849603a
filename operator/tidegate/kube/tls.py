"""TLS contexts from PEM text, as kubeconfigs carry it."""

import ssl
import tempfile
from pathlib import Path


def a_context(*, authority: str | None = None, verify: bool = True) -> ssl.SSLContext:
    """Make a context for a client.

    Args:
        authority: PEM of the certificates that we trust; None for those of the system.
        verify: whether the server must prove who it is.

    Raises:
        ValueError: the PEM is not one.
    """
    try:
        context = ssl.create_default_context(cadata=authority)
    except ssl.SSLError as error:
        raise ValueError(f"the certificate authority is not a PEM certificate: {error.reason}") from error
    # Python 3.13 turned this on; authorities that old installers made lack what it asks for, and kubectl does not
    # ask for it.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def add_client_certificate(context: ssl.SSLContext, certificate: str, key: str) -> None:
    """Have new connections of the context present a certificate, both given as PEM text.

    Raises:
        ValueError: they are not PEM, do not fit each other, or the key is encrypted.
    """
    # The ssl module reads these from files only.
    with tempfile.TemporaryDirectory(prefix="tidegate-") as folder:
        cert_path, key_path = Path(folder, "tls.crt"), Path(folder, "tls.key")
        cert_path.write_text(certificate, encoding="ascii")
        key_path.touch(mode=0o600)
        key_path.write_text(key, encoding="ascii")
        try:
            context.load_cert_chain(cert_path, key_path, password=_refuse_password)
        except ssl.SSLError as error:
            raise ValueError(f"the client certificate and its key cannot be used: {error.reason}") from error


def _refuse_password() -> str:
    """Without this the ssl module would ask at the terminal."""
    raise ValueError("the client key is encrypted, which is not supported: use one that is not")
