"""ID tokens: what an identity provider says of a person, and whether it said so.

PyJWT checks the signature and the claims. Here is what it is allowed: RS256 and ES256 and nothing
else (so neither "none" nor a secret made of a public key), RSA keys of 2,048 bits and more, keys
from the provider's own set, fetched again at most once a minute when a token names one that is new.

References:
    OpenID Connect Core 1.0, section 3.1.3.7. RFC 8725.
"""

from __future__ import annotations

import hmac
import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from hilum.serve.access.clock import LEEWAY
from hilum.serve.access.errors import NotLoggedInError

if TYPE_CHECKING:
    from jwt import PyJWK

__all__ = ["ALGORITHMS", "IdTokens", "OidcError"]

ALGORITHMS = ("RS256", "ES256")
"""How a token may be signed."""

_AGAIN_S = 60.0


class OidcError(NotLoggedInError):
    """The identity provider's answer cannot be trusted, or there is none.

    Args:
        reason: Why, for the log and the audit trail; the person is told less.
    """

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__("The login at the identity provider did not work. Try again.")


class IdTokens:
    """Check the tokens that one provider issues for one client.

    Args:
        issuer: Its URL, as in the claim `iss`.
        client_id: Who the tokens are for.
        fetch_keys: Returns the provider's key set as JSON has it.
        clock: Seconds that never go back.
    """

    def __init__(
        self,
        issuer: str,
        client_id: str,
        fetch_keys: Callable[[], Mapping[str, Any]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._issuer = issuer
        self._client_id = client_id
        self._fetch = fetch_keys
        self._clock = clock
        self._keys: dict[str, PyJWK] = {}
        self._fetched_at: float | None = None
        self._lock = threading.Lock()

    def claims(self, token: str, *, nonce: str) -> dict[str, Any]:
        """Return what a token says.

        Args:
            token: As the provider's token endpoint gave it.
            nonce: What this login sent along.

        Raises:
            OidcError: If anything about it is not as it must be.
        """
        import jwt

        try:
            found: dict[str, Any] = jwt.decode(
                token,
                key=self._key(token),
                algorithms=list(ALGORITHMS),
                audience=self._client_id,
                issuer=self._issuer,
                leeway=LEEWAY,
                options={
                    "require": ["iss", "sub", "aud", "exp", "iat", "nonce"],
                    "enforce_minimum_key_length": True,
                },
            )
        except jwt.PyJWTError as error:
            raise OidcError(f"{type(error).__name__}: {error}") from error
        self._check_rest(found, nonce)
        return found

    def _check_rest(self, claims: Mapping[str, Any], nonce: str) -> None:
        given = str(claims["nonce"]).encode(errors="replace")
        if not hmac.compare_digest(given, nonce.encode()):
            raise OidcError("the nonce is of another login")
        audience, party = claims["aud"], claims.get("azp")
        if isinstance(audience, list) and len(audience) > 1 and party is None:
            raise OidcError("several audiences and no authorised party")
        if party is not None and party != self._client_id:
            raise OidcError("the authorised party is another client")
        if not 1 <= len(str(claims["sub"])) <= 255:
            raise OidcError("the subject is empty or long")

    def _key(self, token: str) -> PyJWK:
        import jwt

        header = jwt.get_unverified_header(token)
        if header.get("alg") not in ALGORITHMS:
            raise OidcError("the token is not signed as it must be")
        named = str(header.get("kid", ""))
        with self._lock:
            key = self._named(named)
            if key is None and self._may_fetch():
                self._keys = _usable(self._fetch())
                self._fetched_at = self._clock()
                key = self._named(named)
        if key is None:
            raise OidcError("the token names a key that the provider does not have")
        return key

    def _named(self, name: str) -> PyJWK | None:
        if not name and len(self._keys) == 1:
            return next(iter(self._keys.values()))
        return self._keys.get(name)

    def _may_fetch(self) -> bool:
        return self._fetched_at is None or self._clock() - self._fetched_at >= _AGAIN_S


def _usable(found: Mapping[str, Any]) -> dict[str, PyJWK]:
    """Return the keys of a set that sign as is allowed here, by name."""
    from jwt import PyJWK, PyJWTError

    keys = {}
    listed = found.get("keys")
    for each in listed if isinstance(listed, list) else []:
        if not isinstance(each, dict) or each.get("use", "sig") != "sig" or "d" in each:
            continue
        try:
            key = PyJWK(each)
        except PyJWTError:
            continue  # of a kind that is not used here; a token that names it is refused
        if key.algorithm_name in ALGORITHMS:
            keys[str(each.get("kid", ""))] = key
    return keys
