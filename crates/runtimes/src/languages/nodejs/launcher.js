'use strict';
// Runs inside the sandbox: takes the action's code once, then calls its function for each run.
const channel = require('./channel');

const { Kind } = channel;
// Said first: the worker sends the code while the rest is loaded.
channel.write(Kind.READY, channel.NONE, '');
const load = require('./entry');
const settle = require('./outcome');

const PAUSE = 100; // ms
let main;

// `__OW_ACTIVATION_ID` and the like, from all that comes along with the value. To set a variable is a system call's
// work: only what has changed since the last run is set.
const entered = {};
function enter(body) {
  for (const key in body) {
    if (key === 'value' || entered[key] === body[key]) continue;
    entered[key] = process.env[`__OW_${key.toUpperCase()}`] = body[key];
  }
}

async function init({ token, text }) {
  const body = JSON.parse(text);
  for (const [key, value] of body.environment) process.env[key] = value;
  let handOver;
  try {
    handOver = body.compiled ? require('./compiled')(body.compiled) : () => '';
    main = await load(body.code, body.main);
  } catch (error) {
    console.error('Error during initialization:', error);
    const reason = error?.stack ? String(error.stack) : String(error);
    return channel.write(Kind.FAILURE, token, `Initialization has failed due to: ${reason}`);
  }
  channel.write(Kind.DONE, token, handOver());
}

function run({ token, text }) {
  const body = JSON.parse(text);
  enter(body);
  const bodies = pipe(token);
  const done = (kind, text) => {
    bodies.end();
    channel.write(kind, token, text);
    setImmediate(next);
  };
  if (body.body) body.value.__ow_body = require('./body')(bodies);
  settle(main, body.value, done, body.stream && bodies);
}

// Takes pieces of bodies, and asks for them. While it waits the whole program does: there is one run at a time. What is
// left of a run that has ended must not read what is for the next.
function pipe(token) {
  let open = true;
  return {
    end: () => (open = false),
    exchange(kind, bytes) {
      if (!open) throw new Error('The run has ended.');
      channel.writeBytes(kind, token, bytes);
      return channel.read() ?? process.exit();
    },
  };
}

function next() {
  const since = process.hrtime();
  const frame = channel.read();
  if (!frame) process.exit();
  if (frame.kind === Kind.INIT) return init(frame).then(() => setImmediate(serve));
  if (frame.kind === Kind.REHEARSE) return rehearse().then(next);
  // After a pause the event loop has a turn first, so that the function finds connections closed that the other
  // side closed meanwhile.
  const [seconds, nanoseconds] = process.hrtime(since);
  if (seconds * 1e3 + nanoseconds / 1e6 > PAUSE) setImmediate(run, frame);
  else run(frame);
}

// With more than one run at a time everything goes through the event loop.
function serve() {
  if (process.env.__OW_ALLOW_CONCURRENT === 'true') require('./concurrent')(main);
  else next();
}

// Output is in the pipe when the call that writes it returns, also if the pipe is full: before the reply, and before an
// exit. To open a stream costs milliseconds, which is for those to pay who write.
function block(name) {
  const { get } = Object.getOwnPropertyDescriptor(process, name);
  let stream;
  const open = () => {
    stream = get.call(process);
    stream._handle?.setBlocking?.(true);
    return stream;
  };
  Object.defineProperty(process, name, { configurable: true, enumerable: true, get: () => stream ?? open() });
}

// A stem cell waits anyway: what the first request would need is loaded and compiled before it comes.
async function rehearse() {
  process.stdout;
  process.stderr;
  const echo = await load('function main(value) { return value; }', 'main');
  settle(echo, JSON.parse('{"a":1}'), (kind, text) => channel.encode(kind, channel.NONE, text));
}

// A promise that waits for nothing in particular must end at the deadline, not when the event loop runs empty.
setInterval(() => {}, 0x7fffffff);
block('stdout');
block('stderr');
setImmediate(next);
