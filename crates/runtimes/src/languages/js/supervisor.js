// Runs in every workerd process: takes connections from the worker, one an instance, and loads an isolate for each.
// Frames, both ways: u32 length of the rest (little endian), u8 kind, 8 bytes token, payload.
import harness from 'harness.js';

const HEADER = 13;
const Kind = { INIT: 1, RUN: 2, READY: 1, DONE: 2, RESULT: 3, FAILURE: 4, BEGUN: 6, EXITED: 7 };
// What the statuses of the harness mean.
const KINDS = { 202: Kind.DONE, 203: Kind.RESULT, 209: Kind.FAILURE };
const NOTHING = new Uint8Array(0);
const NONE = new Uint8Array(8);
const encoder = new TextEncoder();
const decoder = new TextDecoder();

class Channel {
  constructor(socket) {
    this.writer = socket.writable.getWriter();
    this.reader = socket.readable.getReader();
    this.rest = new Uint8Array(0);
  }

  send(kind, token, payload) {
    const frame = new Uint8Array(HEADER + payload.length);
    new DataView(frame.buffer).setUint32(0, HEADER - 4 + payload.length, true);
    frame[4] = kind;
    frame.set(token, 5);
    frame.set(payload, HEADER);
    return this.writer.write(frame);
  }

  // At least so many bytes, or undefined when the worker has gone.
  async fill(wanted) {
    const parts = [this.rest];
    let have = this.rest.length;
    while (have < wanted) {
      const { value, done } = await this.reader.read();
      if (done) return undefined;
      parts.push(value);
      have += value.length;
    }
    if (parts.length > 1) {
      this.rest = new Uint8Array(have);
      let at = 0;
      for (const part of parts) {
        this.rest.set(part, at);
        at += part.length;
      }
    }
    return this.rest;
  }

  async receive() {
    const head = await this.fill(HEADER);
    if (!head) return undefined;
    const size = 4 + new DataView(head.buffer, head.byteOffset).getUint32(0, true);
    const bytes = await this.fill(size);
    if (!bytes) return undefined;
    this.rest = bytes.subarray(size);
    return { kind: bytes[4], token: bytes.slice(5, HEADER), payload: bytes.subarray(HEADER, size) };
  }
}

// A module says so itself; anything else is a script, whose function is looked up by its name.
const MODULE = /^\s*(export|import)\b[\s{*'"]/m;
const IDENTIFIER = /^[A-Za-z_$\u00aa-\uffff][\w$\u00aa-\uffff]*(\.[A-Za-z_$\u00aa-\uffff][\w$\u00aa-\uffff]*)*$/;

function modules({ code, main }) {
  if (MODULE.test(code)) return { 'action.js': { js: code } };
  const find = IDENTIFIER.test(main) ? `\n;try { module.exports.__main = ${main} } catch { }` : '';
  return { 'action.js': { cjs: code + find } };
}

// An isolate of its own; it goes when nobody holds it any more.
function load(env, action) {
  const worker = env.LOADER.load({
    compatibilityDate: env.COMPATIBILITY_DATE,
    mainModule: 'harness.js',
    modules: { 'harness.js': { js: harness }, ...modules(action) },
    env: Object.fromEntries(action.environment),
    globalOutbound: env.NETWORK ? undefined : null,
  });
  return worker.getEntrypoint();
}

// What the runtime says when a function calls process.exit().
const EXITED = /process\.exit\(-?\d+\) API was called/;

// Runs the harness; returns the reply's kind and payload.
async function ask(entry, path, main, body, signal) {
  try {
    const headers = { 'x-main': encodeURIComponent(main) };
    const response = await entry.fetch(`http://harness/${path}`, { method: 'POST', headers, body, signal });
    return [KINDS[response.status] ?? Kind.FAILURE, new Uint8Array(await response.arrayBuffer())];
  } catch (error) {
    const text = String(error?.message ?? error).replace('Failed to start Worker:\n', '');
    if (EXITED.test(text)) return [Kind.EXITED, NOTHING];
    const stage = path === 'init' ? 'Initialization has failed due to:' : 'An error has occurred:';
    return [Kind.FAILURE, encoder.encode(`${stage} ${text}`)];
  }
}

export default {
  async connect(socket, env) {
    const channel = new Channel(socket);
    await channel.send(Kind.READY, NONE, NOTHING);
    let action, entry;
    let next = channel.receive();
    for (let frame; (frame = await next); ) {
      // Read on meanwhile: the worker hangs up on what takes too long.
      const cut = new AbortController();
      next = channel.receive();
      next.then((frame) => frame ?? cut.abort(), () => cut.abort());
      const { kind, token, payload } = frame;
      await channel.send(Kind.BEGUN, token, NOTHING);
      if (kind === Kind.INIT) {
        action = JSON.parse(decoder.decode(payload));
        entry = load(env, action);
      }
      const [path, body] = kind === Kind.INIT ? ['init', '{}'] : ['run', payload];
      const [answer, result] = await ask(entry, path, action.main, body, cut.signal);
      await channel.send(answer, token, result);
    }
    await channel.writer.close().catch(() => {});
  },
};
