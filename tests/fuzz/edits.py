"""Edits of an input: pieces of it replaced by what often breaks something."""

from hypothesis import strategies as st

PIECES = [
    *(b"\x00", b"\xff", b"\xed\xa0\x80", b"\n", b"\r\n", b'"', b"'", b"\\", b"\\ud800", b"{", b"}", b"[", b"]", b":"),
    *(b",", b"-", b"0", b"9" * 20, b"1e999", b"NaN", b"null", b"true", b"%", b"%ff", b"&", b"*", b"!", b"|", b"#"),
    *(b" ", b"\t", b"=", b";", b"/", b"//", b"?", b"<b>", b"gzip", b"CREATE", b"ACK", b"2023-11-15 06:14:20"),
]
EDITS = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 12), st.sampled_from(PIECES) | st.binary(max_size=4)))


def edited(inputs: bytes, edits: list[tuple[float, int, bytes]]) -> bytes:
    """Return inputs with pieces put in, each in the place of as many bytes."""
    for part, length, piece in edits:
        at = int(part * len(inputs))
        inputs = inputs[:at] + piece + inputs[at + length :]
    return inputs
