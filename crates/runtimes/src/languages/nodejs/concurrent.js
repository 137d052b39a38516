'use strict';
// Several runs at a time: each run's output and `__OW_*` variables are its own, also across its awaits.
const { AsyncLocalStorage } = require('async_hooks');
const { Socket } = require('net');
const channel = require('./channel');
const settle = require('./outcome');

const { Kind } = channel;
const current = new AsyncLocalStorage();

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

function isolateEnvironment() {
  const get = (target, key) => current.getStore()?.environment[key] ?? target[key];
  const set = (target, key, value) => Reflect.set(target, key, value);
  process.env = new Proxy(process.env, { get, set });
}

module.exports = function serve(main, enter) {
  const socket = new Socket({ fd: channel.DESCRIPTOR, readable: true, writable: true });
  const send = (kind, token, text) => socket.write(Buffer.from(channel.encode(kind, token, text)));
  redirect(process.stdout, '\x01', send);
  redirect(process.stderr, '\x02', send);
  isolateEnvironment();

  function run({ token, text }) {
    const body = JSON.parse(text);
    const environment = {};
    for (const key in body) if (key !== 'value') environment[`__OW_${key.toUpperCase()}`] = body[key];
    enter(body);
    current.run({ token, environment }, () => settle(main, body.value, (kind, text) => send(kind, token, text)));
  }

  let rest = Buffer.alloc(0);
  socket.on('data', (chunk) => {
    rest = rest.length ? Buffer.concat([rest, chunk]) : chunk;
    let start = 0;
    for (let frame; (frame = channel.decode(rest, start, rest.length)); start += frame.size) run(frame);
    rest = rest.subarray(start);
  });
  socket.on('close', () => process.exit());
};
