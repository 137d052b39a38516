"""Isolates: what a function may find of those that share its process."""

from attack import isolate

ATTACKS = [
    isolate("reads files from an isolate", """
import fs from 'node:fs';
export function main({ home }) {
  const got = ['/etc/passwd', '/proc/self/environ', '/wisp/js/supervisor.js', home + '/secret', '/tmp/../etc/shadow', '/dev/mem']
    .filter((path) => { try { return fs.readFileSync(path).length > 0; } catch { return false; } });
  return { got };
}"""),
    isolate("starts programs from an isolate", """
export async function main() {
  const got = [];
  for (const name of ['node:child_process', 'node:worker_threads', 'node:cluster', 'node:vm', 'node:inspector']) {
    try {
      const module = await import(name);
      const result = (module.execSync ?? module.runInThisContext ?? module.fork)('1');
      if (result !== undefined) got.push(name);
    } catch {}
  }
  return { got };
}"""),
    isolate("makes code of text in an isolate", """
export function main() {
  const got = [];
  for (const [name, make] of Object.entries({ eval: () => (0, eval)('1'), Function: () => Function('return 1')(),
    wasm: () => new WebAssembly.Module(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0])) })) {
    try { make(); got.push(name); } catch {}
  }
  return { got };
}"""),
    isolate("poisons what all isolates know", """
export function main() {
  Object.prototype.poison = 'poisoned';
  Array.prototype.push = () => { throw new Error('poisoned'); };
  JSON.stringify = () => '{"poisoned":true}';
  JSON.parse = () => { throw new Error('poisoned'); };
  Response.prototype.text = async () => 'poisoned';
  globalThis.fetch = () => 'poisoned';
  globalThis.left = 'poisoned';
  return { got: [] };
}""", lambda status, result: True),
    isolate("finds what others have left in an isolate", """
export function main() {
  return { got: Object.keys(globalThis).includes('left') || {}.poison ? ['left'] : [] };
}"""),
    isolate("keeps a cache for other functions", """
export async function main() {
  const got = [];
  try {
    const key = 'http://cache/shared';
    if (await caches.default.match(key)) got.push('cache');
    await caches.default.put(key, new Response('left', { headers: { 'cache-control': 'max-age=1000' } }));
  } catch {}
  return { got };
}"""),
    isolate("asks for what its neighbours are bound to", """
import * as workers from 'cloudflare:workers';
export default { async fetch(request, env) {
  const got = Object.keys({ ...env, ...workers.env }).filter((key) => !key.startsWith('__OW_'));
  for (const name of ['LOADER', 'NETWORK']) if (env[name] || workers.env[name]) got.push(name);
  return Response.json({ got });
} };"""),
    isolate("ends the process of an isolate", """
export function main() { process.exit(1); }""", lambda status, result: "exited unexpectedly" in str(result)),
    isolate("signals from an isolate", """
export function main() {
  const got = [];
  for (const act of [() => process.kill(1, 9), () => process.abort(), () => process.setuid(0)]) {
    try { if (act()) got.push(String(act)); } catch {}
  }
  return { got };
}""", lambda status, result: status == "success" and result == {"got": []} or "exited" in str(result)),
    isolate("throws what cannot be printed in an isolate", """
export async function main() { throw { toString() { throw 1; }, get stack() { throw 2; }, toJSON() { throw 3; } }; }""",
            lambda status, result: status != "success"),
]
