'use strict';
// Azure Durable Functions: code that has such functions is run as their host runs it, one turn for each call. An
// orchestrator is given its history and answers what it wants done; an entity is given its state and operations.
const Module = require('module');

const REQUEST = '__durable';
const LABEL = '$OutOfProcData$:';
const CORE = '@azure/functions-core';
const PACKAGE = /\/durable-functions[^/]*\/lib\//;
const KINDS = { orchestrationTrigger: 'orchestrator', entityTrigger: 'entity', activityTrigger: 'activity' };

// What the code has registered: kind and handler by name.
const found = new Map();

// What `@azure/functions` expects of its host.
const core = {
  version: '3.0.0',
  hostVersion: '4.0.0',
  setProgrammingModel() {},
  getProgrammingModel() {},
  registerHook: () => ({ dispose() {} }),
  log() {},
  registerFunction({ name, bindings }, handler) {
    const kind = Object.values(bindings).map(({ type }) => KINDS[type]).find(Boolean);
    if (kind) found.set(name, { kind, handler });
    return { dispose: () => found.delete(name) };
  },
};

let offered = false;

// Lets the package find its host; to be called before the code is loaded.
function offer() {
  if (offered) return;
  offered = true;
  const load = Module._load;
  Module._load = function (request, ...rest) {
    return request === CORE ? core : load.call(this, request, ...rest);
  };
}

// The function that a request names; the only one of its kind needs no name.
function pick({ name, kind }) {
  const same = [...found].filter(([, entry]) => entry.kind === kind);
  const chosen = same.length === 1 ? same[0] : same.find(([known]) => known.toLowerCase() === name.toLowerCase());
  if (chosen) return chosen[1].handler;
  const others = [...found].map(([name, { kind }]) => `${name} (${kind})`).join(', ');
  throw new Error(`There is no ${kind} named '${name}' here, but: ${others}.`);
}

// What handlers are given beside their input.
const logging = () => ({ log: console.log, trace() {}, debug() {}, info: console.log, warn: console.warn, error: console.error });
const context = (functionName) => ({
  ...logging(),
  functionName,
  invocationId: process.env.__OW_ACTIVATION_ID,
  extraInputs: { get() {}, set() {} },
  extraOutputs: { get() {}, set() {} },
  options: { trigger: {}, extraInputs: [], extraOutputs: [] },
});

// The older programming model: the function is exported, and tells its end by a callback.
function former(main, { name, body }) {
  return new Promise((done, fail) => {
    const bindings = { context: body };
    const log = Object.assign(console.log.bind(console), logging(), { verbose() {} });
    const ended = main({ bindings, log, functionName: name, df: undefined, done: (error, state) => (error ? fail(error) : done(state)) });
    Promise.resolve(ended).catch(fail);
  });
}

// The actions themselves, without what groups them, in the order in which they were asked for. The package repeats one
// that is waited for again.
function flatten(groups) {
  const seen = new Set();
  const walk = (action) => {
    if (seen.has(action)) return [];
    seen.add(action);
    return action.compoundActions ? action.compoundActions.flatMap(walk) : [{ ...action, input: decoded(action) }];
  };
  return groups.flat().flatMap(walk);
}

// The package makes JSON text of an activity's input if that is a string.
const decoded = ({ actionType, input }) => (actionType <= 1 && typeof input === 'string' ? JSON.parse(input) : input);

// A failed turn carries what was done before it.
async function settled(turn) {
  try {
    return await turn;
  } catch (error) {
    const at = String(error?.message).lastIndexOf(LABEL);
    if (at < 0) throw error;
    return JSON.parse(error.message.slice(at + LABEL.length));
  }
}

async function orchestrate(handler, request) {
  const state = await settled(handler(request.body, context(request.name)));
  if (!Array.isArray(state?.actions)) throw new Error('This action is no orchestrator.');
  return { state: { ...state, actions: flatten(state.actions) } };
}

async function operate(handler, request) {
  const batch = request.body.batch.map((operation) => ({ ...operation, input: JSON.stringify(operation.input) }));
  return { state: await handler({ ...request.body, batch }, context(request.name)) };
}

async function act(handler, request) {
  return { value: (await handler(request.input, context(request.name))) ?? null };
}

// A request to an address of the web, made from here, where the function's own are: its answer, whatever the status.
async function request({ method, uri, content, headers }) {
  const answer = await fetch(uri, { method, body: content, headers, redirect: 'follow' });
  const found = Object.fromEntries(answer.headers);
  if (found.location) found.location = new URL(found.location, uri).href;
  return { value: { statusCode: answer.status, headers: found, content: await answer.text() }, functions: {} };
}

const RUN = { orchestrator: orchestrate, entity: operate, activity: act };

async function serve(main, value) {
  const asked = value?.[REQUEST];
  if (!asked && main && found.size) return main(value);
  if (!asked) throw new Error('This action is a durable function: start an orchestration with it, or signal it.');
  if (asked.kind === 'http') return request(asked.input);
  const handler = found.size ? pick(asked) : (body) => former(main, { ...asked, body });
  const functions = Object.fromEntries([...found].map(([name, { kind }]) => [name, kind]));
  return { ...(await RUN[asked.kind](handler, asked)), functions };
}

// The entry point of code that has durable functions; of any other, what it was before.
function adopt(main) {
  const used = found.size > 0 || Object.keys(require.cache).some((file) => PACKAGE.test(file));
  return used ? (value) => serve(main, value) : main;
}

module.exports = { offer, adopt };
