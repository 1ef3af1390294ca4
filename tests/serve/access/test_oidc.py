from __future__ import annotations

import time
from urllib.parse import parse_qs, urlsplit

import pytest

from hilum.errors import ConfigError
from hilum.serve.access.errors import ForbiddenError, NotLoggedInError, TooManyError
from hilum.serve.access.id_token import OidcError
from hilum.serve.access.oidc import OidcSettings
from hilum.serve.access.users import disable_user, user_named


def identity(provider, login):
    begun = login.begin("/films")
    return login.finish(provider.authorize(begun.url), begun.binding)


def test_a_person_is_who_the_provider_says(provider, oidc) -> None:
    found = identity(provider, oidc())
    assert found.subject == f"{provider.url} 4711"
    assert (found.name, found.role, found.next) == ("Bea", "reader", "/films")


def test_a_login_has_its_own_state_nonce_and_pkce_challenge(provider, oidc) -> None:
    login = oidc()
    asked = [parse_qs(urlsplit(login.begin("/").url).query) for _ in range(2)]
    for name in ("state", "nonce", "code_challenge"):
        assert asked[0][name] != asked[1][name]
        assert len(asked[0][name][0]) >= 43
    assert asked[0]["code_challenge_method"] == ["S256"]
    assert asked[0]["response_type"] == ["code"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"aud": "another"}, "InvalidAudienceError"),
        ({"aud": ["hilum", "another"]}, "no authorised party"),
        ({"aud": ["hilum", "another"], "azp": "another"}, "authorised party is another"),
        ({"azp": "another"}, "authorised party is another"),
        ({"iss": "https://evil.example"}, "InvalidIssuerError"),
        ({"exp": 1_000_000}, "ExpiredSignatureError"),
        ({"iat": 9_000_000_000}, "ImmatureSignatureError"),
        ({"nbf": 9_000_000_000}, "ImmatureSignatureError"),
        ({"nonce": "another"}, "nonce is of another login"),
        ({"nonce": "\ud800"}, "nonce is of another login"),
        ({"sub": ""}, "subject is empty"),
        ({"sub": "x" * 300}, "subject is empty or long"),
        ({"exp": "soon"}, "Expiration Time"),
    ],
)
def test_a_token_that_says_something_wrong_is_refused(provider, oidc, changes, reason) -> None:
    provider.changes = changes
    with pytest.raises(OidcError, match="did not work") as caught:
        identity(provider, oidc())
    assert reason in caught.value.reason


@pytest.mark.parametrize("claim", ["iss", "sub", "aud", "exp", "iat", "nonce"])
def test_a_token_that_leaves_something_out_is_refused(provider, oidc, claim: str) -> None:
    provider.removed = {claim}
    with pytest.raises(OidcError, match="did not work") as caught:
        identity(provider, oidc())
    assert claim in caught.value.reason or "InvalidIssuer" in caught.value.reason


def test_a_provider_s_clock_may_be_a_minute_off(provider, oidc) -> None:
    now = int(time.time())
    provider.changes = {"exp": now - 50, "iat": now + 50}
    assert identity(provider, oidc()).name == "Bea"
    provider.changes = {"exp": now - 70}
    with pytest.raises(OidcError, match="did not work"):
        identity(provider, oidc())


@pytest.mark.parametrize("algorithm", ["none", "HS256", "RS512"])
def test_a_token_signed_in_another_way_is_refused(provider, oidc, algorithm: str) -> None:
    provider.algorithm = algorithm
    with pytest.raises(OidcError, match="did not work") as caught:
        identity(provider, oidc())
    assert caught.value.reason == "the token is not signed as it must be"


def test_a_token_signed_by_a_key_the_provider_does_not_publish_is_refused(
    provider, oidc, new_key
) -> None:
    login = oidc()
    published = provider.jwks()
    provider.keys["first"] = new_key("rsa")
    provider.jwks = lambda: published
    with pytest.raises(OidcError, match="did not work") as caught:
        identity(provider, login)
    assert "InvalidSignatureError" in caught.value.reason


@pytest.mark.filterwarnings("ignore:.*RSA key.*")
def test_a_short_key_is_refused(provider, oidc, new_key) -> None:
    provider.keys = {"first": new_key("short")}
    with pytest.raises(OidcError, match="did not work") as caught:
        identity(provider, oidc())
    assert "InvalidKeyError" in caught.value.reason


def test_a_token_signed_with_an_elliptic_curve_is_taken(provider, oidc, new_key) -> None:
    provider.keys = {"first": new_key("ec")}
    provider.algorithm = "ES256"
    assert identity(provider, oidc()).name == "Bea"


def test_a_key_is_not_used_with_another_kind_of_signature(provider, oidc, new_key) -> None:
    login = oidc()
    identity(provider, login)
    published = provider.jwks()
    provider.jwks = lambda: published
    provider.keys["first"], provider.algorithm = new_key("ec"), "ES256"
    with pytest.raises(OidcError, match="did not work") as caught:
        identity(provider, login)
    assert "does not match" in caught.value.reason


def test_a_provider_that_changes_its_key_is_followed_at_most_once_a_minute(
    provider, oidc, new_key
) -> None:
    at = [0.0]
    login = oidc(clock=lambda: at[0])
    identity(provider, login)
    provider.keys, provider.kid = {"second": new_key("rsa")}, "second"
    for _ in range(3):
        with pytest.raises(OidcError, match="did not work"):
            identity(provider, login)
    assert provider.fetched.count("/keys") == 1
    at[0] = 61
    assert identity(provider, login).name == "Bea"
    assert provider.fetched.count("/keys") == 2


def test_an_answer_can_be_used_once(provider, oidc) -> None:
    login = oidc()
    begun = login.begin("/")
    query = provider.authorize(begun.url)
    login.finish(query, begun.binding)
    with pytest.raises(OidcError, match="did not work") as caught:
        login.finish({**query, "code": "code-1"}, begun.binding)
    assert "was used before" in caught.value.reason


def test_an_answer_to_another_browser_s_login_is_refused_and_used_up(provider, oidc) -> None:
    login = oidc()
    begun, other = login.begin("/"), login.begin("/")
    query = provider.authorize(begun.url)
    with pytest.raises(OidcError, match="did not work") as caught:
        login.finish(query, other.binding)
    assert caught.value.reason == "another browser began this login"
    with pytest.raises(OidcError, match="did not work"):
        login.finish(query, begun.binding)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"state": ""}, "state is not known"),
        ({"state": "x" * 43}, "state is not known"),
        ({"iss": "https://evil.example"}, "another issuer"),
        ({"error": "access_denied"}, "the provider refused"),
        ({"code": ""}, "no code"),
        ({"code": "another"}, "answered 400"),
    ],
)
def test_an_answer_that_is_not_as_it_must_be_is_refused(provider, oidc, changes, reason) -> None:
    login = oidc()
    begun = login.begin("/")
    with pytest.raises(OidcError, match="did not work") as caught:
        login.finish({**provider.authorize(begun.url), **changes}, begun.binding)
    assert reason in caught.value.reason


def test_a_code_that_was_caught_is_worth_nothing_without_the_verifier(provider, oidc) -> None:
    login, attacker = oidc(), oidc()
    caught_code = provider.authorize(login.begin("/").url)["code"]
    begun = attacker.begin("/")
    query = {**provider.authorize(begun.url), "code": caught_code}
    with pytest.raises(OidcError, match="did not work") as caught:
        attacker.finish(query, begun.binding)
    assert "answered 400" in caught.value.reason


def test_a_login_is_forgotten_after_ten_minutes(provider, oidc) -> None:
    at = [0.0]
    login = oidc(clock=lambda: at[0])
    begun = login.begin("/")
    query = provider.authorize(begun.url)
    at[0] = 601
    with pytest.raises(OidcError, match="did not work") as caught:
        login.finish(query, begun.binding)
    assert "too long" in caught.value.reason


def test_logins_that_are_never_finished_do_not_fill_the_memory(provider, oidc) -> None:
    login = oidc()
    for _ in range(1_100):
        login.begin("/")
    assert len(login._pending) == 1_000


@pytest.mark.parametrize(
    ("discovery", "reason"),
    [
        ({"issuer": "https://evil.example"}, "calls itself otherwise"),
        ({"token_endpoint": "http://10.0.0.1/token"}, "token_endpoint is missing or not https"),
        ({"jwks_uri": "file:///etc/passwd"}, "jwks_uri is missing or not https"),
        ({"authorization_endpoint": None}, "authorization_endpoint is missing"),
    ],
)
def test_a_provider_that_describes_itself_wrongly_is_refused(
    provider, oidc, discovery, reason
) -> None:
    provider.discovery = discovery
    with pytest.raises(OidcError, match="did not work") as caught:
        oidc().begin("/")
    assert reason in caught.value.reason


@pytest.mark.parametrize(
    ("answer", "reason"),
    [(b"<html>", "no JSON"), (b"[]", "answered 200"), (b" " * (2 << 20), "too long")],
)
def test_a_provider_that_answers_nonsense_is_refused(provider, oidc, answer, reason) -> None:
    provider.answer = answer
    with pytest.raises(OidcError, match="did not work") as caught:
        oidc().begin("/")
    assert reason in caught.value.reason


def test_a_provider_that_is_not_there_is_said_so(oidc) -> None:
    with pytest.raises(OidcError, match="did not work") as caught:
        oidc(issuer="http://127.0.0.1:9").begin("/")
    assert caught.value.reason == "the provider cannot be reached: ConnectError"


@pytest.mark.parametrize(
    "settings",
    [
        {"issuer": "http://id.example"},
        {"issuer": "https://user:x@id.example"},
        {"issuer": "https://id.example?x=1"},
        {"issuer": "file:///etc"},
        {"redirect_url": "http://hilum.example/login/oidc/callback"},
        {"client_id": ""},
        {"scopes": ("profile",)},
        {"roles": {"x": "root"}},
        {"default_role": "program"},
    ],
)
def test_settings_that_would_not_be_safe_are_refused(settings) -> None:
    good = {
        "issuer": "https://id.example", "client_id": "hilum",
        "redirect_url": "https://hilum.example/login/oidc/callback",
    }  # fmt: skip
    OidcSettings(**good)
    with pytest.raises(ConfigError, match="settings cannot be used"):
        OidcSettings(**{**good, **settings})


def test_the_secret_is_not_in_the_settings_repr(oidc) -> None:
    assert "s3cret" not in repr(oidc().settings)


@pytest.mark.parametrize(
    ("settings", "claims", "role"),
    [
        ({}, {"roles": "admin"}, "admin"),
        ({}, {"roles": ["x", "reader", "admin"]}, "admin"),
        ({}, {"roles": ["x", 7, None]}, None),
        ({}, {"roles": {"admin": True}}, None),
        ({"default_role": "reader"}, {"roles": []}, "reader"),
        ({"role_claim": "realm_access.roles"}, {"realm_access": {"roles": ["admin"]}}, "admin"),
        ({"role_claim": "https://x.y/role"}, {"https://x.y/role": "reader"}, "reader"),
        ({"role_claim": "groups", "roles": {"radiology": "second_reader"}},
         {"groups": ["radiology"]}, "second_reader"),
    ],
)  # fmt: skip
def test_the_role_is_what_the_claim_and_the_settings_say(
    provider, oidc, settings, claims, role
) -> None:
    provider.changes = claims
    assert identity(provider, oidc(**settings)).role == role


@pytest.fixture
def enter(provider, oidc, guard, asked):
    """Logs in through the provider, as a browser would."""

    def go(address: str = "10.0.0.5", **settings):
        door = guard(oidc=oidc(**settings), public_url="https://hilum.example")
        begun, cookie = door.begin_oidc(asked(address=address), next_path="/films")
        browser = asked(address=address, cookies={cookie.name: cookie.value})
        return door, door.finish_oidc(browser, provider.authorize(begun.url))

    return go


def test_who_comes_for_the_first_time_becomes_a_user_and_is_the_same_next_time(
    enter, asked, database, entries
) -> None:
    for _ in range(2):
        door, entered = enter()
        cookie = entered.cookie
        who = door.identify(asked(cookies={cookie.name: cookie.value}))
        assert (who.name, who.role, entered.next) == ("bea", "reader", "/films")
    assert [action for _, action, _ in entries()] == ["add user", "log in", "log in"]


def test_where_users_are_not_made_a_stranger_is_refused(enter) -> None:
    with pytest.raises(ForbiddenError, match="You are not known here"):
        enter(create_users=False)


def test_a_stranger_with_a_reader_s_name_does_not_become_that_reader(enter, person) -> None:
    person("bea")
    with pytest.raises(ForbiddenError, match="Your name is taken here"):
        enter()


def test_the_provider_s_role_is_followed_up_down_and_out(enter, provider, database) -> None:
    for role in ("reader", "admin", "reader"):
        provider.changes = {"roles": role}
        enter()
        with database.read() as connection:
            assert user_named(connection, "bea").role == role
    provider.changes = {"roles": []}
    with pytest.raises(ForbiddenError, match="gives you no role"):
        enter()


def test_without_a_role_claim_roles_are_kept_here(enter, database, act) -> None:
    from hilum.serve.access.users import change_role

    enter(role_claim="", default_role="reader")
    with database.write() as connection:
        change_role(connection, act(), "bea", "second_reader")
    enter(role_claim="", default_role="reader")
    with database.read() as connection:
        assert user_named(connection, "bea").role == "second_reader"


def test_a_disabled_user_stays_out_whatever_the_provider_says(enter, database, act) -> None:
    enter()
    with database.write() as connection:
        disable_user(connection, act(), "bea")
    with pytest.raises(ForbiddenError, match="This account is disabled"):
        enter()


def test_a_name_that_cannot_be_one_is_refused_and_stays_out_of_the_log(
    enter, provider, caplog
) -> None:
    provider.changes = {"preferred_username": "eve\nINFO admin logged in"}
    with pytest.raises(ForbiddenError, match="cannot be a name"):
        enter()
    assert all(len(message.splitlines()) == 1 for message in caplog.messages)


def test_who_comes_through_the_provider_has_no_password_here(enter, guard, asked) -> None:
    door, _ = enter()
    with pytest.raises(NotLoggedInError, match="The name or the password is wrong"):
        door.login(asked("POST"), name="bea", password="")


def test_logins_at_the_provider_are_limited_by_address(guard, oidc, asked) -> None:
    door = guard(oidc=oidc())
    for _ in range(20):
        door.begin_oidc(asked())
    with pytest.raises(TooManyError, match="Try again"):
        door.begin_oidc(asked())


def test_without_a_provider_there_is_no_such_login(guard, asked) -> None:
    with pytest.raises(ForbiddenError, match="No identity provider"):
        guard().begin_oidc(asked())


def test_a_refused_answer_s_reason_is_in_the_log_in_one_line(
    guard, oidc, asked, provider, caplog
) -> None:
    door = guard(oidc=oidc())
    begun, cookie = door.begin_oidc(asked())
    query = {**provider.authorize(begun.url), "error": "x\nINFO admin logged in"}
    with pytest.raises(OidcError, match="did not work"):
        door.finish_oidc(asked(cookies={cookie.name: cookie.value}), query)
    assert "the provider refused" in caplog.messages[-1]
    assert len(caplog.messages[-1].splitlines()) == 1
