// Runs in the isolate beside the action: finds its function, calls it, and tells how it ended by the response's status.
import * as action from './action.js';

const DONE = 202;
const RESULT = 203;
const FAILURE = 209;

const answer = (status, text = '') => new Response(text, { status });
const described = (error) => (error?.stack ? String(error.stack) : String(error));

// The value at a dotted path of what the action exports; a script exports what its last line found.
function property(name) {
  const walk = (from) => name.split('.').reduce((value, key) => (value == null ? undefined : value[key]), from);
  return action.default?.__main ?? walk(action) ?? walk(action.default);
}

// What runs: a function of parameters, or a handler of requests.
function entry(name) {
  const main = property(name);
  if (typeof main === 'function') return (value) => main(value);
  if (typeof action.default?.fetch === 'function') return (value, env, ctx) => handle(action.default, value, env, ctx);
  throw `Action entrypoint '${name}' is not a function.`;
}

// The request that an activation stands for: that of a web action, or a POST of its arguments.
function toRequest(value) {
  const method = value.__ow_method?.toUpperCase();
  if (!method) {
    const headers = { 'content-type': 'application/json' };
    return new Request('http://localhost/', { method: 'POST', headers, body: JSON.stringify(value) });
  }
  const headers = new Headers(value.__ow_headers);
  const query = value.__ow_query ? `?${value.__ow_query}` : '';
  const url = `http://${headers.get('host') ?? 'localhost'}${value.__ow_path || '/'}${query}`;
  const bodiless = method === 'GET' || method === 'HEAD' || value.__ow_body === undefined;
  return new Request(url, { method, headers, body: bodiless ? undefined : bytes(value) });
}

// Bodies come as base64, unless they are text.
function bytes({ __ow_body: body, __ow_headers: headers }) {
  if (typeof body !== 'string') return JSON.stringify(body);
  const type = headers?.['content-type'] ?? '';
  if (/^text\/|json|x-www-form-urlencoded/.test(type)) return body;
  try {
    return Uint8Array.from(atob(body), (char) => char.charCodeAt(0));
  } catch {
    return body;
  }
}

// A response as a result: that of a web action, or the JSON in it.
async function handle(handler, value, env, ctx) {
  const response = await handler.fetch(toRequest(value), env, ctx);
  if (!(response instanceof Response)) throw new TypeError('fetch did not return a Response');
  const type = response.headers.get('content-type') ?? '';
  const json = type.includes('json');
  if (!value.__ow_method && json && response.ok) return response.json();
  const binary = !json && !type.startsWith('text/');
  const body = binary ? btoa(String.fromCharCode(...new Uint8Array(await response.arrayBuffer()))) : await response.text();
  const result = { statusCode: response.status, headers: Object.fromEntries(response.headers), body };
  return value.__ow_method || response.ok ? result : { error: result };
}

// What JSON keeps of an error: its fields, with those that are not enumerable.
function serialise(error) {
  if (!(error instanceof Error)) return error;
  const { name, message, stack } = error;
  return { ...error, name, message, stack };
}

// Text without a line's end waits for it: the console writes whole lines.
const unfinished = { log: '', error: '' };
function write(method, chunk) {
  const lines = (unfinished[method] + String(chunk)).split('\n');
  unfinished[method] = lines.pop();
  for (const line of lines) console[method](line);
  return true;
}
function flush() {
  for (const method of ['log', 'error']) if (unfinished[method]) write(method, '\n');
}
// Replaced unseen: looking at the streams that are there loads them, which takes longer than all else here.
for (const [name, method] of [['stdout', 'log'], ['stderr', 'error']]) {
  Object.defineProperty(process, name, { value: { write: (chunk) => write(method, chunk) }, configurable: true, writable: true });
}

async function run(name, value, env, ctx) {
  let result;
  let returned = false;
  try {
    const pending = entry(name)(value, env, ctx);
    returned = true;
    result = await pending;
  } catch (error) {
    // Thrown, it is a mistake; rejected with, an answer.
    if (returned) return answer(RESULT, JSON.stringify({ error: serialise(error) ?? {} }));
    console.error(error);
    return answer(FAILURE, `An error has occurred: ${String(error)}`);
  }
  const text = typeof (result ??= {}) === 'object' ? JSON.stringify(result) : undefined;
  return text === undefined ? answer(FAILURE, 'The action did not return a dictionary.') : answer(RESULT, text);
}

export default {
  async fetch(request, env, ctx) {
    const name = decodeURIComponent(request.headers.get('x-main'));
    const body = JSON.parse(await request.text());
    if (new URL(request.url).pathname === '/init') {
      try {
        entry(name);
        return answer(DONE);
      } catch (error) {
        return answer(FAILURE, `Initialization has failed due to: ${described(error)}`);
      }
    }
    for (const key in body) if (key !== 'value') process.env[`__OW_${key.toUpperCase()}`] = body[key];
    return run(name, body.value, env, ctx).finally(flush);
  },
};
