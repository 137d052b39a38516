'use strict';
// A result whose body is a stream: an async iterable, a ReadableStream, or a generator.
const { Kind } = require('./channel');

const PIECE = 65536;

function isStream(body) {
  if (typeof body !== 'object' || body === null) return false;
  return (
    typeof body[Symbol.asyncIterator] === 'function' ||
    (typeof body.next === 'function' && typeof body[Symbol.iterator] === 'function')
  );
}

// Text as UTF-8, bytes as they are, anything else as a line of JSON.
function encode(chunk) {
  if (typeof chunk === 'string') return Buffer.from(chunk);
  if (ArrayBuffer.isView(chunk)) return Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  if (chunk instanceof ArrayBuffer) return Buffer.from(chunk);
  return Buffer.from(`${JSON.stringify(chunk)}\n`);
}

async function* pieces(body) {
  for await (const chunk of body) {
    const bytes = encode(chunk);
    for (let from = 0; from < bytes.length; from += PIECE) yield bytes.subarray(from, from + PIECE);
  }
}

// Sends head and pieces, each when the one before has been taken; the result says how much it was.
async function pass({ body, ...head }, pipe) {
  let streamed = 0;
  const parts = pieces(body);
  let answer = await pipe.exchange(Kind.HEAD, Buffer.from(JSON.stringify(head)));
  while (answer.kind === Kind.MORE) {
    const { done, value } = await parts.next();
    if (done) return { ...head, streamed };
    streamed += value.length;
    answer = await pipe.exchange(Kind.CHUNK, value);
  }
  // Nobody reads any more.
  await parts.return();
  await (body.cancel?.() ?? body.destroy?.());
  return { ...head, streamed };
}

// Without somebody who takes pieces the body is part of the result: text, or base64 of what is none.
async function gather(result) {
  const parts = [];
  for await (const part of pieces(result.body)) parts.push(part);
  const bytes = Buffer.concat(parts);
  const text = bytes.toString();
  return { ...result, body: Buffer.from(text).equals(bytes) ? text : bytes.toString('base64') };
}

module.exports = { isStream, settle: (result, pipe) => (pipe ? pass(result, pipe) : gather(result)) };
