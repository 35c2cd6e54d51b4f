import struct
import zlib

import pytest

from pinnace.kit import spdy_frames as frames


def payload_of(frame):
    head = frames.head_of(frame[:8])
    assert len(frame) == 8 + head.length
    return head, frame[8:]


def test_dictionary_is_the_one_of_the_protocol():
    # The draft gives the length; zlib's checksum of it appears in every first header block.
    assert len(frames.DICTIONARY) == 1423
    assert zlib.adler32(frames.DICTIONARY) == 0xE3C6A7C2


def test_data_frame_carries_stream_flag_and_bytes():
    head, payload = payload_of(frames.data_frame(7, b"abc", fin=True))
    assert (head.type, head.stream, head.flags, payload) == (0, 7, frames.FIN, b"abc")


def test_headers_survive_both_ways_and_keep_the_compression_in_step():
    writer, reader = frames.HeaderWriter(), frames.HeaderReader()
    for number in (1, 3, 5):
        sent = (("streamType", f"s{number}"), ("port", "80"), ("port", "81"))
        head, payload = payload_of(writer.syn_stream(number, sent))
        assert head.type == frames.SYN_STREAM
        assert frames.word(payload) == number
        assert reader.read(head.type, payload) == (
            ("streamtype", f"s{number}"),
            ("port", "80"),
            ("port", "81"),
        )
    head, payload = payload_of(writer.syn_reply(5))
    assert reader.read(head.type, payload) == ()


@pytest.mark.parametrize(
    ("frame", "kind", "words"),
    [
        pytest.param(frames.rst_stream(3, frames.CANCEL), frames.RST_STREAM, (3, 5), id="rst"),
        pytest.param(frames.ping(9), frames.PING, (9,), id="ping"),
        pytest.param(frames.go_away(5), frames.GOAWAY, (5, 0), id="goaway"),
        pytest.param(frames.settings([(4, 100)]), frames.SETTINGS, (1, 4, 100), id="settings"),
    ],
)
def test_control_frames_have_the_words_of_the_protocol(frame, kind, words):
    head, payload = payload_of(frame)
    assert head.type == kind
    assert struct.unpack(f">{len(words)}I", payload) == words


def test_refuses_another_version():
    with pytest.raises(frames.ProtocolError):
        frames.head_of(struct.pack(">HHI", 1 << 15 | 2, frames.PING, 4))


def test_refuses_headers_that_unpack_to_too_much():
    squeezed = zlib.compressobj(9, zdict=frames.DICTIONARY)
    bomb = squeezed.compress(b"\0" * (2 << 20)) + squeezed.flush(zlib.Z_SYNC_FLUSH)
    with pytest.raises(frames.ProtocolError):
        frames.HeaderReader().read(frames.SYN_REPLY, b"\0\0\0\1" + bomb)


@pytest.mark.parametrize("junk", [b"\0\0\0\1garbage", b"\0\0\0\1"])
def test_refuses_headers_that_are_no_headers(junk):
    with pytest.raises(frames.ProtocolError):
        frames.HeaderReader().read(frames.SYN_REPLY, junk)
