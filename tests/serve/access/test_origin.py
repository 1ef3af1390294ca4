from __future__ import annotations

import pytest

from hilum.serve.access.errors import AccessError, ForbiddenError
from hilum.serve.access.origin import check_cross_site, check_csrf, check_host, host_name, safe_next

SITE = "https://hilum.example"


@pytest.mark.parametrize("given", [None, "", "b" * 43, "a" * 42, "ä" * 43])
def test_another_csrf_token_is_refused(given: str | None) -> None:
    with pytest.raises(ForbiddenError, match="of another login"):
        check_csrf("a" * 43, given)


def test_the_session_s_csrf_token_is_taken_and_an_empty_one_never() -> None:
    check_csrf("a" * 43, "a" * 43)
    with pytest.raises(ForbiddenError, match="of another login"):
        check_csrf("", "")


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://hilum.example"},
        {"origin": "https://hilum.example:8443"},
        {"origin": "https://hilum.example.evil.example"},
        {"origin": "https://["},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "same-origin", "origin": "https://evil.example"},
        {"sec-fetch-site": "cross-site", "origin": SITE},
        {},
    ],
)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_another_site_s_page_changes_nothing(method: str, headers: dict[str, str]) -> None:
    with pytest.raises(ForbiddenError, match="another site|Expected the header Origin"):
        check_cross_site(method, headers, site=SITE, known=True)


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": SITE},
        {"origin": "https://HILUM.example:443"},
        {"sec-fetch-site": "same-origin"},
        {"sec-fetch-site": "none"},
        {"sec-fetch-site": "same-origin", "origin": SITE},
    ],
)
def test_the_site_s_own_page_changes_what_it_likes(headers: dict[str, str]) -> None:
    check_cross_site("POST", headers, site=SITE, known=True)


def test_without_a_public_url_the_request_s_host_is_the_site() -> None:
    headers = {"host": "127.0.0.1:8000", "origin": "http://127.0.0.1:8000"}
    check_cross_site("POST", headers, site=None)
    with pytest.raises(ForbiddenError, match="another site"):
        check_cross_site("POST", {**headers, "origin": "http://127.0.0.1:9000"}, site=None)


def test_a_form_of_this_site_is_known_where_no_referrer_is_sent() -> None:
    check_cross_site(
        "POST", {"origin": "null", "sec-fetch-site": "same-origin"}, site=SITE, known=True
    )
    for fetched in ("cross-site", "same-site", "none"):
        with pytest.raises(ForbiddenError, match="another site"):
            check_cross_site("POST", {"origin": "null", "sec-fetch-site": fetched}, site=SITE)


def test_a_program_that_is_no_browser_says_nothing_and_needs_no_cookie() -> None:
    check_cross_site("POST", {"host": "127.0.0.1:8000"}, site=None)


def test_another_site_may_link_here_but_not_read_along() -> None:
    navigation = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
    check_cross_site("GET", navigation, site=SITE)
    for mode in ("no-cors", "cors"):
        with pytest.raises(ForbiddenError, match="another site"):
            check_cross_site("GET", {**navigation, "sec-fetch-mode": mode}, site=SITE)


@pytest.mark.parametrize(
    "host", ["127.0.0.1:8000", "localhost", "[::1]:8000", "LOCALHOST:1", "a.localhost"]
)
def test_this_machine_s_names_are_always_answered(host: str) -> None:
    check_host(host, ())


@pytest.mark.parametrize(
    "host",
    ["evil.example:8000", "127.0.0.1.evil.example", "", "user@127.0.0.1", "127.0.0.1/x",
     "localhost,evil.example", "10.0.0.1", "[", "localhost:x", "localhost.evil.example"],
)  # fmt: skip
def test_a_name_that_was_made_to_point_here_is_not_answered(host: str) -> None:
    with pytest.raises(AccessError, match="does not answer to the name") as caught:
        check_host(host, ())
    assert caught.value.status == 421


def test_the_public_name_is_answered_and_any_where_none_was_given() -> None:
    check_host("hilum.example", ("hilum.example:443",))
    check_host("whatever.example", None)


def test_a_host_header_s_name_is_read_without_port_and_case() -> None:
    assert host_name("Hilum.Example.:8443") == "hilum.example"


@pytest.mark.parametrize(
    "path", ["/", "/films", "/films/7?class=covid&x=%2F%2Fevil", "/a//b", "/%5Cevil.example"]
)
def test_after_a_login_one_goes_where_one_wanted(path: str) -> None:
    assert safe_next(path) == path


@pytest.mark.parametrize(
    "path",
    [
        None, "", "films", "//evil.example", "///evil.example", "/\\evil.example", "\\\\evil",
        "https://evil.example", "javascript:alert(1)", "/\n/evil.example", "/\t/evil.example",
        "/ /evil.example", "/films\r\nSet-Cookie: a=b", "/login?next=/x", "/logout", "/ä",
        "/" + "x" * 5000,
    ],
)  # fmt: skip
def test_after_a_login_one_goes_nowhere_else(path: str | None) -> None:
    assert safe_next(path) == "/"
