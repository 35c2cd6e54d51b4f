"""Links of what a backend answers, rewritten so that they lead through the proxy.

Pages say `/style.css` and mean their own root, which is below `/api/v1/.../proxy` for whoever sees
them through the API server. What of a page is touched, and how it is written afterwards, is
upstream's: start tags with an address are written anew, everything else stays as it was.
"""

import html
import posixpath
import re
import zlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from urllib.parse import quote, unquote, urlsplit, urlunsplit

# Attributes that hold an address, by tag.
_ADDRESSES: Mapping[str, Collection[str]] = MappingProxyType(
    {
        "a": {"href"}, "applet": {"codebase"}, "area": {"href"}, "audio": {"src"},
        "base": {"href"}, "blockquote": {"cite"}, "body": {"background"},
        "button": {"formaction"}, "command": {"icon"}, "del": {"cite"}, "embed": {"src"},
        "form": {"action"}, "frame": {"longdesc", "src"}, "head": {"profile"},
        "html": {"manifest"}, "iframe": {"longdesc", "src"}, "img": {"longdesc", "src", "usemap"},
        "input": {"src", "usemap", "formaction"}, "ins": {"cite"}, "link": {"href"},
        "object": {"classid", "codebase", "data", "usemap"}, "q": {"cite"}, "script": {"src"},
        "source": {"src"}, "video": {"poster", "src"},
    }
)  # fmt: skip
# What stands in these is text, whatever it looks like.
_RAW = frozenset(
    {"iframe", "noembed", "noframes", "plaintext", "script", "style", "textarea", "title", "xmp"}
)
_MARKUP = re.compile(r"<(?:!--.*?(?:-->|\Z)|[!?/][^>]*(?:>|\Z)|(?P<start>[a-zA-Z]))", re.DOTALL)
_NAME = re.compile(r"[^\s/>]+")
_ATTRIBUTE = re.compile(
    r"""[\s/]*(?P<name>=?[^\s/>=]*)(?:\s*=\s*(?:"(?P<two>[^"]*)"|'(?P<one>[^']*)'|(?P<bare>[^\s>]*)))?"""
)
_ESCAPES = (
    ("&", "&amp;"), ("'", "&#39;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&#34;"), ("\r", "&#13;"),
)  # fmt: skip
_BAD_ESCAPE = re.compile(r"%(?![0-9a-fA-F]{2})")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
# What Go leaves as it is in a path.
PATH_SAFE = "/:@$&+,;=-._~"
# A page is rewritten as a whole, so there is a limit; longer ones pass as they are.
LONGEST_PAGE = 16 << 20


class BadLocation(Exception):
    """A redirect that leads nowhere; the text is Go's."""


@dataclass(frozen=True, slots=True)
class Links:
    """Rewrites for one proxied request: `hosts` are names under which the backend is itself."""

    prefix: str
    hosts: Sequence[str]

    def location(self, text: str) -> str:
        """Return a redirect so that it leads through the proxy; raises BadLocation."""
        if why := _unreadable(text):
            raise BadLocation(f"error trying to parse Location header: {why}")
        return self.through(text)

    def through(self, text: str) -> str:
        """Return an address so that it leads through the proxy, if it is on the backend itself."""
        url = urlsplit(text)
        if (url.netloc and url.netloc not in self.hosts) or not url.path.startswith("/"):
            return text
        path = url.path
        if not unquote(path).startswith(self.prefix):
            path = quote(joined(self.prefix, unquote(path)), safe=PATH_SAFE)
        return urlunsplit(("", "", path, url.query, url.fragment))

    def page(self, text: str) -> str:
        """Return a page with all its links leading through the proxy."""
        made: list[str] = []
        at = 0
        while found := _MARKUP.search(text, at):
            if not found["start"]:
                made.append(text[at : found.end()])
                at = found.end()
                continue
            made.append(text[at : found.start()])
            name, tag, at = self._tag(text, found.start())
            made.append(tag)
            if name in _RAW:
                end = re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE).search(text, at)
                stop = end.start() if end and name != "plaintext" else len(text)
                made.append(text[at:stop])
                at = stop
        made.append(text[at:])
        return "".join(made)

    def _tag(self, text: str, start: int) -> tuple[str, str, int]:
        """Return the name of a start tag, the tag as it is to be, and where it ended."""
        name_end = _NAME.match(text, start + 1)
        assert name_end is not None
        name = name_end[0].lower()
        at, attributes = name_end.end(), []
        while at < len(text) and text[at] != ">":
            found = _ATTRIBUTE.match(text, at)
            if found is None or found.end() == at:
                break
            at = found.end()
            if found["name"]:
                value = found["two"] or found["one"] or found["bare"] or ""
                attributes.append((found["name"].lower(), html.unescape(value)))
        end = at + 1
        if at >= len(text):
            return name, text[start:], len(text)
        ending = "/>" if text[at - 1] == "/" else ">"
        addresses = _ADDRESSES.get(name, ())
        written = "".join(
            f' {key}="{_escaped(self._address(value) if key in addresses else value)}"'
            for key, value in attributes
        )
        return name, f"<{name}{written}{ending}", end

    def _address(self, value: str) -> str:
        return value if _unreadable(value) else self.through(value)


def joined(prefix: str, path: str) -> str:
    """Join and clean two paths as Go does, and keep a slash at the end."""
    clean = "/" + posixpath.normpath(f"{prefix}/{path}").lstrip("/")
    return clean + "/" if path.endswith("/") and not clean.endswith("/") else clean


def _unreadable(text: str) -> str:
    """Say why Go's parser would refuse a URL; empty if it does not."""
    if _CONTROL.search(text):
        return f'parse "{text}": net/url: invalid control character in URL'
    if found := _BAD_ESCAPE.search(text.partition("?")[0]):
        return f'parse "{text}": invalid URL escape "{text[found.start() : found.start() + 3]}"'
    return ""


def _escaped(text: str) -> str:
    for plain, escape in _ESCAPES:
        text = text.replace(plain, escape)
    return text


def rewrite_page(links: Links, body: bytes, encoding: str) -> bytes:
    """Rewrite a page in its content encoding; one that is none we know stays as it is."""
    if encoding not in ("", "gzip", "deflate"):
        return body
    wbits = {"": 0, "gzip": 31, "deflate": -15}[encoding]
    plain = body
    if wbits:
        unpacker = zlib.decompressobj(wbits)
        plain = unpacker.decompress(body, LONGEST_PAGE)
        if not unpacker.eof:
            return body
    page = links.page(plain.decode("utf-8", "surrogateescape"))
    made = page.encode("utf-8", "surrogateescape")
    if not wbits:
        return made
    packer = zlib.compressobj(6, zlib.DEFLATED, wbits)
    return packer.compress(made) + packer.flush()
