"""TLS contexts: the system's, or one of a webhook's own certificates; keys never touch a disk."""

from __future__ import annotations

import os
import ssl
import tempfile
from functools import lru_cache
from pathlib import Path

from webhook_service.auth import Tls


@lru_cache(maxsize=1_024)
def context_of(tls: Tls | None) -> ssl.SSLContext:
    """What a TLS connection is made with.

    Raises:
        ssl.SSLError: The certificates and the key cannot be used.
    """
    context = ssl.create_default_context(cadata=tls.ca or None if tls else None)
    context.set_alpn_protocols(["http/1.1"])
    if tls is not None and tls.certificate:
        _load(context, f"{tls.certificate}\n{tls.key}".encode())
    return context


def _load(context: ssl.SSLContext, pem: bytes) -> None:
    """Give the context a certificate and its key; Python takes these from files only."""
    if hasattr(os, "memfd_create") and Path("/proc/self/fd").is_dir():
        number = os.memfd_create("client-certificate")
        with os.fdopen(number, "wb") as file:
            file.write(pem)
            file.flush()
            context.load_cert_chain(f"/proc/self/fd/{number}")
        return
    with tempfile.NamedTemporaryFile() as named:  # only its owner can read it
        named.write(pem)
        named.flush()
        context.load_cert_chain(named.name)
