"""Texts are framed as the library of the protocol frames them, and read back as it reads them."""

import pytest
from websockets.frames import Frame, Opcode

from evergrid.live.ocpp.admission.handshake import _text_frame, _whole_text


@pytest.mark.parametrize("length", [0, 1, 125, 126, 127, 65535, 65536, 200_000])
def test_a_text_is_framed_as_the_library_frames_it(length: int):
    text = b"x" * length
    assert _text_frame(text) == Frame(Opcode.TEXT, text).serialize(mask=False)


@pytest.mark.parametrize("length", [1, 125, 126, 127, 1266, 65535])
def test_a_masked_text_is_found_where_the_library_put_it(length: int):
    framed = Frame(Opcode.TEXT, b"x" * length).serialize(mask=True)
    assert len(framed) - _whole_text(framed) == length


@pytest.mark.parametrize(
    "framed",
    [
        pytest.param(Frame(Opcode.TEXT, b"").serialize(mask=True), id="empty"),
        pytest.param(Frame(Opcode.TEXT, b"xyz").serialize(mask=False), id="not_masked"),
        pytest.param(Frame(Opcode.TEXT, b"xyz", fin=False).serialize(mask=True), id="continued"),
        pytest.param(Frame(Opcode.BINARY, b"xyz").serialize(mask=True), id="binary"),
        pytest.param(Frame(Opcode.TEXT, b"xyz").serialize(mask=True)[:-1], id="cut"),
        pytest.param(Frame(Opcode.TEXT, b"xyz").serialize(mask=True) + b"\x81", id="more"),
        pytest.param(Frame(Opcode.TEXT, b"x" * 65536).serialize(mask=True), id="long"),
    ],
)
def test_anything_else_is_left_to_the_library(framed: bytes):
    assert _whole_text(framed) == 0
