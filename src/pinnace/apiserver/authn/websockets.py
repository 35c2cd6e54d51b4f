"""Bearer tokens that come as a sub-protocol of a WebSocket, since browsers can send no header."""

from pinnace.api.wire import Request
from pinnace.apiserver.authn.base import InvalidToken
from pinnace.kit.jws import JwsError, decoded

_PREFIX = "base64url.bearer.authorization.k8s.io."


def protocol_token(request: Request) -> str:
    """Return the token among the protocols of a WebSocket, or empty; raises InvalidToken."""
    headers = request.headers
    told = headers.get("sec-websocket-protocol", "")
    if _PREFIX not in told or not _is_websocket(request):
        return ""
    protocols = [protocol.strip() for protocol in told.split(",")]
    tokens = [one for one in protocols if one.startswith(_PREFIX)]
    if len(tokens) > 1:
        raise InvalidToken("multiple base64.bearer.authorization tokens specified")
    if not tokens:
        return ""
    try:
        token = decoded(tokens[0].removeprefix(_PREFIX)).decode()
    except JwsError as error:
        raise InvalidToken("invalid base64.bearer.authorization token encoding") from error
    except UnicodeDecodeError as error:
        raise InvalidToken("invalid base64.bearer.authorization token") from error
    if token and len(protocols) == 1:
        raise InvalidToken("missing additional subprotocol")
    return token


def _is_websocket(request: Request) -> bool:
    connection = request.headers.get("connection", "").lower()
    upgrade = request.headers.get("upgrade", "").lower()
    return "upgrade" in connection and upgrade == "websocket"
