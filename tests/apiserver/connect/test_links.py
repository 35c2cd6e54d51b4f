"""Links of proxied pages and redirects lead back through the proxy."""

import gzip

import pytest

from pinnace.apiserver.connect.links import BadLocation, Links, joined, rewrite_page

PREFIX = "/api/v1/namespaces/default/services/s/proxy"
LINKS = Links(PREFIX, ("10.0.0.1:80", "localhost:8001"))


@pytest.mark.parametrize(
    ("location", "seen"),
    [
        ("/a/b?c=d#e", PREFIX + "/a/b?c=d#e"),
        ("http://10.0.0.1:80/a", PREFIX + "/a"),
        ("http://localhost:8001/a/", PREFIX + "/a/"),
        (PREFIX + "/a", PREFIX + "/a"),
        ("/a//b/../c", PREFIX + "/a/c"),
        ("/a b(c)", PREFIX + "/a%20b%28c%29"),
        ("a/b", "a/b"),
        ("mailto:x@y", "mailto:x@y"),
        ("https://example.com/a", "https://example.com/a"),
        ("//example.com/a", "//example.com/a"),
    ],
)
def test_redirects_to_the_backend_itself_lead_through_the_proxy(location: str, seen: str) -> None:
    assert LINKS.location(location) == seen


def test_a_redirect_to_nowhere_is_refused() -> None:
    with pytest.raises(BadLocation, match='parse "%zz": invalid URL escape "%zz"'):
        LINKS.location("%zz")


@pytest.mark.parametrize(
    ("page", "seen"),
    [
        ("<a href='/x'>t</a>", f'<a href="{PREFIX}/x">t</a>'),
        ("<A HREF=/x>t</A>", f'<a href="{PREFIX}/x">t</A>'),
        ('<a href="/x?a=1&amp;b=2">', f'<a href="{PREFIX}/x?a=1&amp;b=2">'),
        ('<a href="x">', '<a href="x">'),
        ('<a href="/%zz">', '<a href="/%zz">'),
        ("<input disabled formaction=/g>", f'<input disabled="" formaction="{PREFIX}/g">'),
        ("<br/><img src=/i />", f'<br/><img src="{PREFIX}/i"/>'),
        ("<!-- <a href=/x> --><!DOCTYPE html>", "<!-- <a href=/x> --><!DOCTYPE html>"),
        (
            "<script src=/s>'<a href=/x>'</script >",
            f"<script src=\"{PREFIX}/s\">'<a href=/x>'</script >",
        ),
        ("<textarea><a href=/x></textarea>", "<textarea><a href=/x></textarea>"),
        ("<p class=x>1 < 2 &amp; <b", '<p class="x">1 < 2 &amp; <b'),
        ("<img alt='a\"b'>", '<img alt="a&#34;b">'),
        ("plain", "plain"),
        ("", ""),
    ],
)
def test_pages_are_rewritten_tag_by_tag(page: str, seen: str) -> None:
    assert LINKS.page(page) == seen


def test_a_packed_page_is_unpacked_and_packed_again() -> None:
    packed = rewrite_page(LINKS, gzip.compress(b"<a href=/x>"), "gzip")
    assert gzip.decompress(packed) == f'<a href="{PREFIX}/x">'.encode()


def test_an_encoding_that_nobody_knows_stays_as_it_is() -> None:
    assert rewrite_page(LINKS, b"<a href=/x>", "br") == b"<a href=/x>"


def test_bytes_that_are_no_text_survive() -> None:
    assert rewrite_page(LINKS, b"<b>\xff\xfe</b>", "") == b"<b>\xff\xfe</b>"


@pytest.mark.parametrize(
    ("path", "clean"), [("/a//b/../c/", "/p/a/c/"), ("/", "/p/"), ("", "/p"), ("/..", "/")]
)
def test_paths_are_joined_and_cleaned(path: str, clean: str) -> None:
    assert joined("/p", path) == clean
