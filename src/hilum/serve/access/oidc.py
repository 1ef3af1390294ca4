"""Login at a hospital's own identity provider: OpenID Connect's code flow with PKCE.

The provider is named in the configuration and nowhere else; nothing a browser sends names a URL
that is fetched. Each login has its own state, nonce and PKCE verifier, is tied to the browser that
began it by a cookie, can be finished once, and is forgotten after ten minutes.

References:
    OpenID Connect Core 1.0 and Discovery 1.0. RFC 7636 (PKCE). RFC 9207 (iss). RFC 9700.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus, urlencode, urlsplit

from hilum.errors import ConfigError, MissingExtraError
from hilum.serve.access.id_token import IdTokens, OidcError
from hilum.serve.access.origin import is_loopback_name
from hilum.serve.access.roles import PEOPLE, Role, known_role

if TYPE_CHECKING:
    import httpx

__all__ = ["Begun", "Identity", "OidcLogin", "OidcSettings"]

_TIMEOUT_S = 5.0
_MOST_BYTES = 1 << 20
_MOST_PENDING = 1_000
_FORGOTTEN_S = 600.0
_DISCOVERY = "/.well-known/openid-configuration"
_ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")


@dataclass(frozen=True, slots=True, kw_only=True)
class OidcSettings:
    """An identity provider, and what it may decide."""

    issuer: str
    """Its URL, without the well-known path; https, but for this machine."""

    client_id: str
    """What it calls this server."""

    redirect_url: str
    """Where it sends browsers back to: this server's public URL and /login/oidc/callback."""

    client_secret: str | None = field(default=None, repr=False)
    """None for a public client, which PKCE alone protects."""

    scopes: tuple[str, ...] = ("openid", "profile")
    """What is asked for."""

    name_claim: str = "preferred_username"
    """What a new user is called; `sub` where it is missing."""

    role_claim: str = "roles"
    """Where the role is said: a claim, or a path of dots into one (`realm_access.roles`)."""

    roles: Mapping[str, str] = field(default_factory=lambda: {role: role for role in PEOPLE})
    """From the provider's words to "reader", "second_reader" and "admin"."""

    default_role: str | None = None
    """For who has none of those words; None to refuse them."""

    create_users: bool = True
    """Whether who comes for the first time becomes a user."""

    def __post_init__(self) -> None:
        """Refuse what could not work or would not be safe; name every fault at once."""
        problems = [
            f"{name}: expected https://..., got {url!r}"
            for name, url in (("issuer", self.issuer), ("redirect_url", self.redirect_url))
            if not _is_safe(url)
        ]
        if urlsplit(self.issuer).query or urlsplit(self.issuer).fragment:
            problems.append("issuer: expected no query and no fragment")
        if not self.client_id:
            problems.append("client_id: expected the name the provider gave, got none")
        if "openid" not in self.scopes:
            problems.append("scopes: expected 'openid' among them")
        given = [*self.roles.values(), *([self.default_role] if self.default_role else [])]
        wrong = sorted(set(given) - set(PEOPLE))
        problems += [f"roles: expected one of {', '.join(PEOPLE)}; got {role!r}" for role in wrong]
        if problems:
            raise ConfigError("The identity provider's settings cannot be used.", problems)


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """A login that was begun.

    Args:
        url: Where the browser goes.
        binding: What the browser keeps in a cookie meanwhile.
    """

    url: str
    binding: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who the provider says it is.

    Args:
        subject: Issuer and subject: the same person for ever.
        name: What to call a new user.
        role: What they may do; None if the provider does not say.
        next: Where they wanted to go.
    """

    subject: str
    name: str
    role: Role | None
    next: str


@dataclass(frozen=True, slots=True)
class _Pending:
    nonce: str
    verifier: str
    binding: str
    next: str
    at: float


class OidcLogin:
    """Begin and finish logins at one provider.

    Args:
        settings: The provider.
        client: What fetches; None for one that waits 5 s and follows no redirect.
        clock: Seconds that never go back.

    Raises:
        MissingExtraError: If what it needs is not installed.
    """

    def __init__(
        self,
        settings: OidcSettings,
        client: httpx.Client | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.settings = settings
        self._client = client or _client()
        self._clock = clock
        self._pending: OrderedDict[str, _Pending] = OrderedDict()
        self._provider: dict[str, Any] | None = None
        self._lock = threading.Lock()
        self._tokens = IdTokens(settings.issuer, settings.client_id, self._keys, clock)

    def begin(self, next_path: str) -> Begun:
        """Return where to send a browser, and what it must bring back.

        Args:
            next_path: Where the person wanted to go; checked by `safe_next`.

        Raises:
            OidcError: If the provider cannot be reached or contradicts the configuration.
        """
        provider = self._discovered()
        state, binding = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        pending = _Pending(
            nonce=secrets.token_urlsafe(32),
            verifier=secrets.token_urlsafe(48),
            binding=_hash(binding),
            next=next_path,
            at=self._clock(),
        )
        with self._lock:
            self._pending[_hash(state)] = pending
            while len(self._pending) > _MOST_PENDING:
                self._pending.popitem(last=False)
        asked = {
            "response_type": "code",
            "client_id": self.settings.client_id,
            "redirect_uri": self.settings.redirect_url,
            "scope": " ".join(self.settings.scopes),
            "state": state,
            "nonce": pending.nonce,
            "code_challenge": _challenge(pending.verifier),
            "code_challenge_method": "S256",
        }
        endpoint = provider["authorization_endpoint"]
        joint = "&" if urlsplit(endpoint).query else "?"
        return Begun(url=f"{endpoint}{joint}{urlencode(asked)}", binding=binding)

    def finish(self, query: Mapping[str, str], binding: str) -> Identity:
        """Return who came back from the provider.

        Args:
            query: What the provider added to the redirect URL.
            binding: What the browser kept in its cookie.

        Raises:
            OidcError: If it is not the answer to a login that this browser began, was used
                before, or its token is not good.
        """
        pending = self._taken(query.get("state", ""), binding)
        if query.get("iss", self.settings.issuer) != self.settings.issuer:
            raise OidcError("the answer is of another issuer")
        if "error" in query:
            raise OidcError(f"the provider refused: {query['error']}")
        if not query.get("code"):
            raise OidcError("the answer has no code")
        token = self._exchanged(query["code"], pending.verifier)
        claims = self._tokens.claims(token, nonce=pending.nonce)
        subject = f"{self.settings.issuer} {claims['sub']}"
        name = claims.get(self.settings.name_claim) or claims["sub"]
        return Identity(subject=subject, name=str(name), role=self._role(claims), next=pending.next)

    def _taken(self, state: str, binding: str) -> _Pending:
        with self._lock:
            pending = self._pending.pop(_hash(state), None)
        if pending is None:
            raise OidcError("the state is not known, or was used before")
        if self._clock() - pending.at > _FORGOTTEN_S:
            raise OidcError("the login took too long")
        if not hmac.compare_digest(pending.binding, _hash(binding)):
            raise OidcError("another browser began this login")
        return pending

    def _exchanged(self, code: str, verifier: str) -> str:
        asked = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.settings.redirect_url,
            "client_id": self.settings.client_id,
            "code_verifier": verifier,
        }
        methods = self._discovered().get("token_endpoint_auth_methods_supported")
        secret = self.settings.client_secret
        headers = {}
        if secret is not None and methods == ["client_secret_post"]:
            asked["client_secret"] = secret
        elif secret is not None:
            headers["Authorization"] = _basic(self.settings.client_id, secret)
        endpoint = self._discovered()["token_endpoint"]
        answer = self._json("POST", endpoint, data=asked, headers=headers)
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise OidcError("the provider gave no ID token")
        return token

    def _role(self, claims: Mapping[str, Any]) -> Role | None:
        said = _at(claims, self.settings.role_claim)
        words = said if isinstance(said, list) else [said]
        found = {self.settings.roles.get(word) for word in words if isinstance(word, str)}
        best = next((role for role in reversed(PEOPLE) if role in found), None)
        if best is not None or self.settings.default_role is None:
            return best
        return known_role(self.settings.default_role, PEOPLE)

    def _keys(self) -> dict[str, Any]:
        return self._json("GET", self._discovered()["jwks_uri"])

    def _discovered(self) -> dict[str, Any]:
        if self._provider is not None:
            return self._provider
        found = self._json("GET", self.settings.issuer.rstrip("/") + _DISCOVERY)
        if found.get("issuer") != self.settings.issuer:
            raise OidcError("the provider calls itself otherwise than the configuration does")
        is_https = self.settings.issuer.startswith("https:")
        for name in _ENDPOINTS:
            url = found.get(name)
            if not isinstance(url, str) or not _is_safe(url, only_https=is_https):
                raise OidcError(f"the provider's {name} is missing or not https")
        self._provider = found
        return found

    def _json(self, method: str, url: str, **sent: Any) -> dict[str, Any]:
        import httpx

        taken = bytearray()
        try:
            with self._client.stream(method, url, **sent) as answer:
                for piece in answer.iter_bytes():
                    taken += piece
                    if len(taken) > _MOST_BYTES:
                        raise OidcError("the provider's answer is too long")
                status = answer.status_code
        except httpx.HTTPError as error:
            raise OidcError(f"the provider cannot be reached: {type(error).__name__}") from error
        try:
            found = json.loads(taken)
        except (ValueError, RecursionError) as error:
            raise OidcError(f"the provider answered {status} and no JSON") from error
        if status != 200 or not isinstance(found, dict):
            raise OidcError(f"the provider answered {status}")
        return found


def _client() -> httpx.Client:
    try:
        import httpx
        import jwt  # noqa: F401
        from cryptography.hazmat.primitives import hashes  # noqa: F401
    except ModuleNotFoundError as error:
        raise MissingExtraError(error.name or "pyjwt", "serve") from error
    return httpx.Client(timeout=_TIMEOUT_S, follow_redirects=False)


def _is_safe(url: str, *, only_https: bool = False) -> bool:
    """Return whether a URL is https, or of this machine where that is allowed."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    if not parts.hostname or parts.username is not None:
        return False
    if parts.scheme == "https":
        return True
    return not only_https and parts.scheme == "http" and is_loopback_name(parts.hostname.lower())


def _at(claims: Mapping[str, Any], path: str) -> object:
    """Return a claim by its name, which may have dots, or by a path into nested ones."""
    if path in claims:
        return claims[path]
    found: object = claims
    for name in path.split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def _basic(name: str, secret: str) -> str:
    both = f"{quote_plus(name)}:{quote_plus(secret)}"  # RFC 6749, section 2.3.1
    return f"Basic {base64.b64encode(both.encode()).decode()}"


def _challenge(verifier: str) -> str:
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()
