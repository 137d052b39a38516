'use strict';
// Frames over descriptor 3, both ways: u32 length of the rest (little endian), u8 kind, 8 bytes token, payload.
const { readSync, writeSync } = require('fs');

const DESCRIPTOR = 3;
const HEADER = 13;
const ROOM = 65536;
const NONE = '\0'.repeat(8);
const Kind = {
  ...{ INIT: 1, RUN: 2, MORE: 3, STOP: 4, PART: 5, END: 6, CUT: 7, REHEARSE: 8 },
  ...{ READY: 1, DONE: 2, RESULT: 3, FAILURE: 4, LOG: 5, HEAD: 9, CHUNK: 10, ASK: 13 },
};

let buffer = Buffer.allocUnsafeSlow(ROOM);
let start = 0;
let end = 0;
const scratch = Buffer.allocUnsafeSlow(ROOM);

// The frame at the beginning of bytes[from, to), or undefined while it is not all there.
function decode(bytes, from, to) {
  if (to - from < HEADER) return undefined;
  const size = 4 + bytes.readUInt32LE(from);
  if (to - from < size) return undefined;
  const token = bytes.latin1Slice(from + 5, from + HEADER);
  const kind = bytes[from + 4];
  // The buffer is used again.
  if (kind === Kind.PART) return { size, kind, token, bytes: Buffer.from(bytes.subarray(from + HEADER, from + size)) };
  return { size, kind, token, text: bytes.utf8Slice(from + HEADER, from + size) };
}

// A frame's bytes; short ones share one buffer, which the next call overwrites.
function encode(kind, token, text) {
  const room = HEADER + 3 * text.length;
  const bytes = room <= ROOM ? scratch : Buffer.allocUnsafe(HEADER + Buffer.byteLength(text));
  const size = HEADER + bytes.utf8Write(text, HEADER);
  bytes.writeUInt32LE(size - 4, 0);
  bytes[4] = kind;
  bytes.latin1Write(token, 5, 8);
  return bytes.subarray(0, size);
}

// Makes room for `wanted` bytes behind `start`.
function reserve(wanted) {
  if (start + wanted <= buffer.length) return;
  const larger = wanted > buffer.length ? Buffer.allocUnsafeSlow(wanted) : buffer;
  buffer.copy(larger, 0, start, end);
  buffer = larger;
  end -= start;
  start = 0;
}

// Waits for a frame; undefined when the worker has gone. Blocking, because between runs there is nothing else to do
// and a blocking read wakes in half the time of one that passes through the event loop.
function read() {
  for (;;) {
    const frame = decode(buffer, start, end);
    if (frame) {
      start += frame.size;
      if (start === end) {
        start = end = 0;
        if (buffer.length > ROOM) buffer = Buffer.allocUnsafeSlow(ROOM);
      }
      return frame;
    }
    reserve(end - start < 4 ? HEADER : 4 + buffer.readUInt32LE(start));
    const count = readSync(DESCRIPTOR, buffer, end, buffer.length - end, null);
    if (count === 0) return undefined;
    end += count;
  }
}

function write(kind, token, text) {
  const bytes = encode(kind, token, text);
  for (let sent = 0; sent < bytes.length; ) sent += writeSync(DESCRIPTOR, bytes, sent, bytes.length - sent);
}

// A frame of bytes that are no text.
function frame(kind, token, bytes) {
  const header = Buffer.allocUnsafe(HEADER);
  header.writeUInt32LE(HEADER - 4 + bytes.length, 0);
  header[4] = kind;
  header.latin1Write(token, 5, 8);
  return Buffer.concat([header, bytes]);
}

function writeBytes(kind, token, bytes) {
  const whole = frame(kind, token, bytes);
  for (let sent = 0; sent < whole.length; ) sent += writeSync(DESCRIPTOR, whole, sent, whole.length - sent);
}

module.exports = { DESCRIPTOR, Kind, NONE, decode, encode, frame, read, write, writeBytes };
