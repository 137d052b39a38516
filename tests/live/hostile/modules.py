"""Core modules of WebAssembly, byte by byte: what no compiler would write."""

VOID = b"\x60\0\0"
# `loop … br 0 end`, and a trap when the value on the stack is -1.
LOOP, AGAIN = b"\x03\x40", b"\x0c\0\x0b"
TRAP_AT_MINUS_ONE = b"\x41\x7f\x46\x04\x40\0\x0b"


def number(value):
    """As LEB128 without a sign."""
    out = b""
    while True:
        value, low = value >> 7, value & 0x7F
        out += bytes([low | (0x80 if value else 0)])
        if not value:
            return out


def vector(items):
    return number(len(items)) + b"".join(items)


def name(text):
    return number(len(text)) + text.encode()


def module(body, *, memory=1, table=1, start=False, exported=True, locals=b"\0"):
    """A module whose only function has this body: its `_start`, or what runs when it is instantiated."""
    code = locals + body + b"\x0b"
    exports = [name("memory") + b"\x02\0"] + ([name("_start") + b"\0\0"] if exported else [])
    sections = {
        1: vector([VOID]),
        3: vector([b"\0"]),
        4: vector([b"\x70\0" + number(table)]),
        5: vector([b"\0" + number(memory)]),
        7: vector(exports),
        8: b"\0" if start else None,
        10: vector([number(len(code)) + code]),
    }
    parts = [bytes([id]) + number(len(content)) + content for id, content in sections.items() if content is not None]
    return b"\0asm\1\0\0\0" + b"".join(parts)


# `memory.grow` by 16 pages, and `table.grow` by 100,000 elements, until one is refused.
GROWS_MEMORY = module(LOOP + b"\x41\x10\x40\0" + TRAP_AT_MINUS_ONE + AGAIN)
GROWS_TABLE = module(LOOP + b"\xd0\x70\x41\xa0\x8d\x06\xfc\x0f\0" + TRAP_AT_MINUS_ONE + AGAIN)
SPINS = module(LOOP + AGAIN)
SPINS_AT_START = module(LOOP + AGAIN, start=True)
RECURSES = module(b"\x10\0")
HUGE_MEMORY = module(b"", memory=65536)
HUGE_TABLE = module(b"", table=10_000_000)
MANY_LOCALS = module(b"", locals=b"\1" + number(49_999) + b"\x7e")
# For the compiler: blocks within blocks, and one long function.
DEEP_BLOCKS = module(b"\x02\x40" * 200_000 + b"\x0b" * 200_000)
LONG_FUNCTION = module(b"\x41\1\x41\2\x6a\x1a" * 1_000_000)
BRANCHES = module(b"\x02\x40" * 500 + (b"\x41\0\x0e" + vector([number(n % 500) for n in range(20_000)]) + b"\0") + b"\x0b" * 500)


def writes(text):
    """A module that writes this to standard output by WASI's `fd_write`, and ends."""
    body = b"\x41\1\x41\0\x41\1\x41\xe4\0\x10\0\x1a\x0b"
    data = (8).to_bytes(4, "little") + len(text).to_bytes(4, "little") + text
    sections = {
        1: vector([b"\x60\4\x7f\x7f\x7f\x7f\1\x7f", VOID]),
        2: vector([name("wasi_snapshot_preview1") + name("fd_write") + b"\0\0"]),
        3: vector([b"\1"]),
        5: vector([b"\0\1"]),
        7: vector([name("memory") + b"\x02\0", name("_start") + b"\0\1"]),
        10: vector([number(len(body) + 1) + b"\0" + body]),
        11: vector([b"\0\x41\0\x0b" + number(len(data)) + data]),
    }
    return b"\0asm\1\0\0\0" + b"".join(bytes([id]) + number(len(content)) + content for id, content in sections.items())
