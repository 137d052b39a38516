'use strict';
// Several runs at a time: each run's output and `__OW_*` variables are its own, also across its awaits.
const { AsyncLocalStorage } = require('async_hooks');
const { Socket } = require('net');
const channel = require('./channel');
const settle = require('./outcome');

const { Kind } = channel;
const current = new AsyncLocalStorage();
const variables = {};

const variable = (key) => (variables[key] ??= `__OW_${key.toUpperCase()}`);

function redirect(stream, prefix, send) {
  const write = stream.write.bind(stream);
  stream.write = (chunk, encoding, callback) => {
    const run = current.getStore();
    if (!run) return write(chunk, encoding, callback);
    const text = typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString();
    send(Kind.LOG, run.token, prefix + text);
    const done = typeof encoding === 'function' ? encoding : callback;
    if (done) process.nextTick(done);
    return true;
  };
}

// Each run sees the process's variables with its own laid over them, and so do the programs that it starts.
function isolateEnvironment() {
  const own = () => current.getStore()?.environment ?? {};
  process.env = new Proxy(process.env, {
    get: (shared, key) => own()[key] ?? shared[key],
    has: (shared, key) => key in own() || key in shared,
    set: (shared, key, value) => (key in own() ? ((own()[key] = String(value)), true) : Reflect.set(shared, key, value)),
    ownKeys: (shared) => [...new Set([...Reflect.ownKeys(shared), ...Object.keys(own())])],
    getOwnPropertyDescriptor: (shared, key) =>
      Object.getOwnPropertyDescriptor(own(), key) ?? Reflect.getOwnPropertyDescriptor(shared, key),
  });
}

module.exports = function serve(main) {
  const socket = new Socket({ fd: channel.DESCRIPTOR, readable: true, writable: true });
  const bytes = (kind, token, text) => Buffer.from(channel.encode(kind, token, text));
  const send = (kind, token, text) => socket.write(bytes(kind, token, text));
  // Replies that are ready in the same turn of the event loop go out together.
  let replies = [];
  const flush = () => {
    if (replies.length) socket.write(replies.length > 1 ? Buffer.concat(replies) : replies[0]);
    replies = [];
  };
  const reply = (kind, token, text) => {
    if (replies.push(bytes(kind, token, text)) === 1) setImmediate(flush);
  };
  process.on('exit', flush);
  redirect(process.stdout, '\x01', send);
  redirect(process.stderr, '\x02', send);
  isolateEnvironment();

  // Takes pieces of a run's bodies, and asks for them: one at a time, though it may read and write at once.
  const asked = new Map();
  const pipe = (token) => {
    let last = Promise.resolve();
    let open = true;
    return {
      end: () => (open = false),
      exchange: (kind, piece) =>
        (last = last.then(() => {
          if (!open) throw new Error('The run has ended.');
          return new Promise((resolve) => {
            asked.set(token, resolve);
            socket.write(channel.frame(kind, token, piece));
          });
        })),
    };
  };

  function receive(frame) {
    if (frame.kind === Kind.RUN) return run(frame);
    asked.get(frame.token)?.(frame);
    asked.delete(frame.token);
  }

  function run({ token, text }) {
    const body = JSON.parse(text);
    const environment = {};
    for (const key in body) if (key !== 'value') environment[variable(key)] = body[key];
    const bodies = pipe(token);
    const done = (kind, text) => {
      bodies.end();
      reply(kind, token, text);
    };
    if (body.body) body.value.__ow_body = require('./body')(bodies);
    current.run({ token, environment }, () => settle(main, body.value, done, body.stream && bodies));
  }

  let rest = Buffer.alloc(0);
  socket.on('data', (chunk) => {
    rest = rest.length ? Buffer.concat([rest, chunk]) : chunk;
    let start = 0;
    for (let frame; (frame = channel.decode(rest, start, rest.length)); start += frame.size) receive(frame);
    rest = rest.subarray(start);
  });
  socket.on('close', () => process.exit());
};
