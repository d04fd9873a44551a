"""Texts of many series in blocks: what changes makes a new block, and all other blocks stay as they are.

So a snapshot is a tuple of sections, of some blocks each, that shares with the last one whatever did not change, its
compressed form included.
"""

import struct
import zlib
from collections.abc import Hashable, Iterable, Sequence
from itertools import count, islice
from typing import NamedTuple

from exporter.metrics.checksums import followed, shift

_ROWS = 64  # small, for a change means to compress a block anew; large, for each begins without knowing the others
_BLOCKS = 64  # of a section: few of its blocks are new as a rule, and there are not many sections
_GZIP_LEVEL = 1  # a third more bytes than the library's 9, at a tenth of its time
_GZIP_MEMORY = 7  # one less than zlib's own: a block has no more to remember, and making the memory is half of the work
_GZIP_HEAD = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"  # RFC 1952: deflate, no name, no time, system unknown
_DEFLATE_END = b"\x03\x00"  # RFC 1951: an empty last block


class Block:
    """Some texts in a row; never changed."""

    __slots__ = ("_deflated", "texts")

    def __init__(self, texts: Sequence[bytes]) -> None:
        self.texts = tuple(texts)
        self._deflated: bytes | None = None

    @property
    def text(self) -> bytes:
        """The texts as one."""
        return b"".join(self.texts)

    @property
    def deflated(self) -> bytes:
        """The text as a piece of a deflate stream that ends at a byte and refers to nothing before it."""
        if self._deflated is None:
            deflate = zlib.compressobj(_GZIP_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS, _GZIP_MEMORY)
            self._deflated = deflate.compress(self.text) + deflate.flush(zlib.Z_SYNC_FLUSH)
        return self._deflated


class _Compressed(NamedTuple):
    """A compressed text, what it does to the checksum of a text that it follows, and its size, in bytes."""

    deflated: bytes
    checksum: int
    shift: int
    size: int


class Section:
    """Some blocks in a row; never changed. What is compressed of them is put together once."""

    __slots__ = ("_compressed", "blocks")

    def __init__(self, blocks: Iterable[Block]) -> None:
        """Hold those of the blocks that have a text."""
        self.blocks = tuple(block for block in blocks if any(block.texts))
        self._compressed: _Compressed | None = None

    @classmethod
    def of(cls, text: bytes) -> "Section":
        """Return a text that changes as a whole."""
        return cls([Block([text])])

    @property
    def compressed(self) -> _Compressed:
        """The text of all blocks; only those that never were compressed are now."""
        if self._compressed is None:
            checksum = size = 0
            for block in self.blocks:
                text = block.text
                checksum = zlib.crc32(text, checksum)
                size += len(text)
            deflated = b"".join(block.deflated for block in self.blocks)
            self._compressed = _Compressed(deflated, checksum, shift(size), size)
        return self._compressed


Sections = tuple[Section, ...]


def join(sections: Iterable[Section]) -> bytes:
    """Return the text of all sections."""
    return b"".join(text for section in sections for block in section.blocks for text in block.texts)


def gzipped(sections: Iterable[Section]) -> bytes:
    """Return the text of all sections as one gzip member; what was compressed once is not looked at again."""
    pieces, checksum, size = [_GZIP_HEAD], 0, 0
    for section in sections:
        compressed = section.compressed
        pieces.append(compressed.deflated)
        checksum = followed(checksum, compressed.checksum, compressed.shift)
        size += compressed.size
    return b"".join([*pieces, _DEFLATE_END, struct.pack("<LL", checksum, size & 0xFFFFFFFF)])


class Table:
    """Texts by key, in columns that share the keys; each column is handed out in sections of its own."""

    def __init__(self, columns: int, rows: int = _ROWS, blocks: int = _BLOCKS) -> None:
        """Have so many columns, in blocks of so many rows, in sections of so many blocks."""
        self._rows_each = rows
        self._blocks_each = blocks
        self._places: dict[Hashable, int] = {}
        self._free: list[int] = []
        self._columns: list[list[Block]] = [[] for _ in range(columns)]
        self._changed: dict[int, list[list[bytes]]] = {}  # the texts of a block of each column, by the block's index
        self._sections: list[list[Section]] = [[] for _ in range(columns)]
        self._shown: list[Sections] = [() for _ in range(columns)]

    def put(self, key: Hashable, texts: Sequence[str]) -> None:
        """Set the texts of a key, one for each column; a key without any text takes no place."""
        if any(texts):
            self.put_all([key], [[text] for text in texts])
        else:
            self.drop(key)

    def put_all(self, keys: Iterable[Hashable], columns: Iterable[Iterable[str]]) -> None:
        """Set the texts of many keys, as `put` does one by one: each column has one for each key, in their order.

        A key stands once, and has a text in some column.
        """
        if not (self._places or self._free):
            self._fill(keys, columns)
            return
        places, free, changed = self._places, self._free, self._changed
        for key, *texts in zip(keys, *columns, strict=True):
            place = places.get(key)
            if place is None:
                place = places[key] = free.pop() if free else len(places)
            index, row = divmod(place, self._rows_each)
            for column, text in zip(changed.get(index) or self._change(index), texts, strict=True):
                column[row] = text.encode()

    def drop(self, key: Hashable) -> None:
        """Take a key out of all columns; its place is the next new one's."""
        place = self._places.pop(key, None)
        if place is not None:
            self._free.append(place)
            index, row = divmod(place, self._rows_each)
            for column in self._changed.get(index) or self._change(index):
                column[row] = b""

    def sections(self, column: int) -> Sections:
        """Return the sections of a column as they stand."""
        if self._changed:
            self._take_in()
        return self._shown[column]

    def _fill(self, keys: Iterable[Hashable], columns: Iterable[Iterable[str]]) -> None:
        """Set the texts of the first keys: block by block, so that few of them are in memory at a time."""
        self._places = dict(zip(keys, count(), strict=False))
        for blocks, column in zip(self._columns, columns, strict=True):
            texts = map(str.encode, column)
            while some := list(islice(texts, self._rows_each)):
                blocks.append(Block(some + [b""] * (self._rows_each - len(some))))
        for number, blocks in enumerate(self._columns):
            self._show(number, range(0, len(blocks), self._blocks_each))

    def _change(self, index: int) -> list[list[bytes]]:
        """Return the texts of a block of each column, which are about to change."""
        is_new = index >= len(self._columns[0])
        changed = [[b""] * self._rows_each if is_new else list(blocks[index].texts) for blocks in self._columns]
        self._changed[index] = changed
        return changed

    def _take_in(self) -> None:
        for number, blocks in enumerate(self._columns):
            missing = max(self._changed) + 1 - len(blocks)
            blocks.extend(Block((b"",) * self._rows_each) for _ in range(missing))
            others = []
            for index, changed in self._changed.items():
                texts = tuple(changed[number])
                if texts != blocks[index].texts:
                    blocks[index] = Block(texts)
                    others.append(index)
            if others:
                self._show(number, others)
        self._changed = {}

    def _show(self, number: int, others: Iterable[int]) -> None:
        """Make those sections of a column anew that have blocks of these indices."""
        blocks, sections = self._columns[number], self._sections[number]
        sections.extend(Section(()) for _ in range(len(sections) * self._blocks_each, len(blocks), self._blocks_each))
        for index in {index // self._blocks_each for index in others}:
            sections[index] = Section(blocks[index * self._blocks_each : (index + 1) * self._blocks_each])
        self._shown[number] = tuple(section for section in sections if section.blocks)
