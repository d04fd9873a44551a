"""Checksums (CRC-32) of texts that stand one after the other, from those of each: no text has to be looked at again.

A checksum is a polynomial over two elements, its highest bit the coefficient of 1 (RFC 1952). Text that follows
multiplies what stands before it by x, once for each of its bits; so zlib's `crc32_combine` does it.
"""

_ONE = 1 << 31
_X = 1 << 30
_MODULUS = 0xEDB88320  # that of CRC-32, without x to the 32


def _product(one: int, other: int) -> int:
    product = 0
    while one:
        if one & _ONE:
            product ^= other
        one = one << 1 & 0xFFFFFFFF
        other = other >> 1 ^ (_MODULUS if other & 1 else 0)
    return product


def _squares() -> list[int]:
    """Return x to the 1, 2, 4, 8 and so on."""
    powers = [_X]
    while len(powers) < 64:
        powers.append(_product(powers[-1], powers[-1]))
    return powers


_POWERS = _squares()


def shift(size: int) -> int:
    """Return by what text of so many bytes multiplies the checksum of what stands before it."""
    bits, power = 8 * size, _ONE
    for exponent in range(bits.bit_length()):
        if bits >> exponent & 1:
            power = _product(_POWERS[exponent], power)
    return power


def followed(checksum: int, by: int, shift_: int) -> int:
    """Return the checksum of two texts, from that of the first, that of the second, and the `shift` of the second."""
    return _product(checksum, shift_) ^ by
