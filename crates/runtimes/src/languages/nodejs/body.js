'use strict';
// A request's body that a function reads while it arrives: each part is asked for when it is wanted.
const { Kind } = require('./channel');

const NOTHING = Buffer.alloc(0);

module.exports = async function* body(pipe) {
  for (;;) {
    const { kind, bytes } = await pipe.exchange(Kind.ASK, NOTHING);
    if (kind === Kind.END) return;
    if (kind !== Kind.PART) throw new Error('The request was broken off.');
    yield bytes;
  }
};
