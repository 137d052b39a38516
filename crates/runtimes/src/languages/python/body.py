"""A request's body that a function reads while it arrives: each part is asked for when it is wanted."""

import io

ASK = 13
PART, END = 5, 6


class Parts(io.RawIOBase):
    """The parts, one after another."""

    def __init__(self, channel, token):
        self.channel, self.token = channel, token
        self.rest, self.ended = memoryview(b""), False

    def readable(self):
        return True

    def readinto(self, room):
        while not (self.rest or self.ended):
            self.ask()
        count = min(len(room), len(self.rest))
        room[:count] = self.rest[:count]
        self.rest = self.rest[count:]
        return count

    def ask(self):
        self.channel.write_bytes(ASK, self.token, b"")
        kind, _, part = self.channel.read() or (None, None, b"")
        if kind == PART:
            self.rest = memoryview(part)
        elif kind == END:
            self.ended = True
        else:
            raise ConnectionError("The request was broken off.")


def reader(channel, token):
    """The body as a binary file. Closing it when the run has ended keeps what is left of the run from reading on."""
    return io.BufferedReader(Parts(channel, token), 65536)
