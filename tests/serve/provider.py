"""An identity provider to log in with: small, and as wrong as it is told to be."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

__all__ = ["NEW_KEYS", "Provider", "running_provider"]

_RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
NEW_KEYS: dict[str, Callable[[], Any]] = {
    "rsa": lambda: rsa.generate_private_key(public_exponent=65537, key_size=2048),
    "short": lambda: rsa.generate_private_key(public_exponent=65537, key_size=1024),
    "ec": lambda: ec.generate_private_key(ec.SECP256R1()),
}


@dataclass
class Provider:
    """A small identity provider: it signs what it is told to, right or wrong."""

    url: str = ""
    client_id: str = "hilum"
    secret: str | None = "s3cret/+ of hilum"
    changes: dict[str, Any] = field(default_factory=dict)
    removed: set[str] = field(default_factory=set)
    algorithm: str = "RS256"
    kid: str = "first"
    discovery: dict[str, Any] = field(default_factory=dict)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    fetched: list[str] = field(default_factory=list)
    answer: bytes | None = None

    def __post_init__(self) -> None:
        self.keys: dict[str, Any] = {"first": _RSA}

    def authorize(self, url: str) -> dict[str, str]:
        """Return what the provider would send a browser back with."""
        given = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        code = f"code-{len(self.codes)}"
        self.codes[code] = given
        return {"code": code, "state": given["state"], "iss": self.url}

    def described(self) -> dict[str, Any]:
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/keys",
            **self.discovery,
        }

    def jwks(self) -> dict[str, Any]:
        listed = []
        for name, key in self.keys.items():
            kind = RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else ECAlgorithm
            public = json.loads(kind.to_jwk(key.public_key()))
            listed.append({**public, "kid": name, "use": "sig"})
        return {"keys": listed}

    def exchange(self, form: dict[str, str], authorization: str | None) -> dict[str, Any] | None:
        begun = self.codes.pop(form.get("code", ""), None)
        if begun is None or form["redirect_uri"] != begun["redirect_uri"]:
            return None
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        if _base64(digest).decode() != begun["code_challenge"]:
            return None
        if self.secret is not None:
            both = base64.b64encode(b"hilum:s3cret%2F%2B+of+hilum").decode()
            if authorization != f"Basic {both}":
                return None
        return {"id_token": self.token(begun["nonce"]), "token_type": "Bearer"}

    def token(self, nonce: str) -> str:
        now = int(time.time())
        claims = {
            "iss": self.url, "sub": "4711", "aud": self.client_id, "iat": now, "exp": now + 300,
            "nonce": nonce, "preferred_username": "Bea", "roles": ["reader"], **self.changes,
        }  # fmt: skip
        claims = {name: value for name, value in claims.items() if name not in self.removed}
        headers = {"kid": self.kid}
        if self.algorithm == "none":
            return jwt.encode(claims, None, algorithm="none", headers=headers)
        if self.algorithm == "HS256":  # the public key as a secret
            return _signed_with_the_public_key(claims, headers, self.keys[self.kid])
        return jwt.encode(claims, self.keys[self.kid], algorithm=self.algorithm, headers=headers)


def _signed_with_the_public_key(
    claims: dict[str, Any], headers: dict[str, str], key: rsa.RSAPrivateKey
) -> str:
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    parts = ({"alg": "HS256", "typ": "JWT", **headers}, claims)
    signed = b".".join(_base64(json.dumps(part).encode()) for part in parts)
    return b".".join((signed, _base64(hmac.digest(public, signed, "sha256")))).decode()


def _base64(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


@contextmanager
def running_provider() -> Iterator[Provider]:
    """Run one on a free port of this machine; whoever is sent to it is logged in at once."""
    made = Provider()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            made.fetched.append(self.path)
            if self.path.startswith("/authorize?"):
                self._send_back(made.authorize(self.path))
                return
            pages = {
                "/.well-known/openid-configuration": made.described,
                "/keys": made.jwks,
            }
            self._send(200, pages[self.path]())

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            form = {name: values[0] for name, values in parse_qs(body).items()}
            given = made.exchange(form, self.headers.get("authorization"))
            self._send(400 if given is None else 200, given or {"error": "invalid_grant"})

        def _send_back(self, given: dict[str, str]) -> None:
            asked = parse_qs(urlsplit(self.path).query)
            self.send_response(302)
            self.send_header("location", f"{asked['redirect_uri'][0]}?{urlencode(given)}")
            self.send_header("content-length", "0")
            self.end_headers()

        def _send(self, status: int, value: object) -> None:
            body = json.dumps(value).encode() if made.answer is None else made.answer
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    made.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield made
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
