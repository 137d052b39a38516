// Composer, unmodified: every combinator compiled, deployed and run. With WISP_COMPOSER_CASES, the cases of that file
// too: {actions: [{name, code}], cases: [{id, composition, ast, input, components, success, result}]}.
'use strict';

const assert = require('node:assert/strict');
const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { test } = require('node:test');
const composer = require('openwhisk-composer');
const client = require('openwhisk-composer/client');

const [apihost, api_key, uri] = [process.env.WISP_APIHOST, process.env.WISP_AUTH, process.env.WISP_REDIS];
const ow = client({ apihost, api_key }, true);
const $composer = { redis: { uri }, openwhisk: { ignore_certs: true } };
// What the server does: compositions run without their conductor, unless it is told otherwise; and durable if they say so.
const native = process.env.WISP_WORKFLOWS_NATIVE_COMPOSITIONS !== 'false';
const asked = process.env.WISP_COMPOSER_DURABLE ? [{ key: 'durable', value: true }] : [];

/** Invokes an action and waits for its activation, however it ends. */
async function invoke(name, params) {
  return ow.actions.invoke({ name, params, blocking: true }).catch((failed) => {
    if (failed.error && failed.error.response) return failed.error;
    throw failed;
  });
}

/** Runs a composition; what it ends with, and the names of the components that ran, in order. */
async function run(name, composition, params, { timeout, debug } = {}) {
  await ow.compositions.deploy({ name, ...composition, annotations: asked }, true, debug, undefined, timeout);
  const { activationId, response } = await invoke(name, params);
  const { logs, annotations } = await ow.activations.get({ name: activationId });
  assert.ok(annotations.some(({ key, value }) => key === 'conductor' && value === true));
  const steps = await Promise.all(logs.map((id) => ow.activations.get({ name: id })));
  assert.ok(steps.every(({ cause }) => cause === activationId));
  return { response, steps, components: steps.map((step) => step.name).filter((step) => step !== name) };
}

/** Lines of one stream after those of the other: which is read first is chance. */
const streams = (one, other) => one.startsWith('stderr') - other.startsWith('stderr');

/** What the records of steps show that is the same in each run. */
function view(steps) {
  return steps.map(({ name, response, logs, annotations }) => ({
    name,
    response: JSON.parse(JSON.stringify(response).replace(/[0-9a-f]{32}/g, 'id')),
    logs: logs.map((line) => line.replace(/^[0-9a-f]{32}$|^\S{30} /, '')).filter((line) => !line.startsWith('stderr:     ')).sort(streams),
    annotations: annotations.map(({ key }) => key).filter((key) => !/^(initTime|start|isolation)$/.test(key)).sort(),
  }));
}

/** Actions that compositions of these tests use. */
const actions = {
  inc: 'const main = ({ n }) => ({ n: n + 1 })',
  double: 'const main = ({ n }) => ({ n: n * 2 })',
  small: 'const main = ({ n }) => ({ value: n < 10 })',
  fail: 'const main = () => ({ error: "no" })',
  flaky: 'const main = ({ n }) => (n < 3 ? { error: "too small" } : { n })',
  echo: 'const main = (params) => params',
  slow: 'const main = (params) => new Promise((end) => setTimeout(end, 6000, params))',
};

/** [name, composition, input, result, components]: a result with `error` is a failure. */
const cases = [
  ['action', () => composer.action('inc'), { n: 1 }, { n: 2 }, 'inc'],
  ['task', () => composer.task('inc'), { n: 1 }, { n: 2 }, 'inc'],
  ['function', () => composer.function(({ n }) => ({ n: n + 2 })), { n: 1 }, { n: 3 }, ''],
  ['function that throws', () => composer.function(() => absent), {}, { error: 'Function combinator threw an exception at AST node root (see log for details)' }, ''],
  ['empty', () => composer.empty(), { n: 1 }, { n: 1 }, ''],
  ['literal', () => composer.literal({ n: 5 }), {}, { n: 5 }, ''],
  ['value', () => composer.value(5), {}, { value: 5 }, ''],
  ['sequence', () => composer.sequence('inc', 'double', 'inc'), { n: 1 }, { n: 5 }, 'inc double inc'],
  ['seq', () => composer.seq('inc', composer.seq('inc', 'double')), { n: 1 }, { n: 6 }, 'inc inc double'],
  ['sequence that fails', () => composer.seq('inc', 'fail', 'inc'), { n: 1 }, { error: 'no' }, 'inc fail'],
  ['if', () => composer.if('small', 'inc', 'double'), { n: 1 }, { n: 2 }, 'small inc'],
  ['if not', () => composer.if('small', 'inc', 'double'), { n: 10 }, { n: 20 }, 'small double'],
  ['if_nosave', () => composer.if_nosave(({ n }) => ({ n, value: n < 10 }), 'inc', 'double'), { n: 1 }, { n: 2 }, 'inc'],
  ['while', () => composer.while('small', 'double'), { n: 3 }, { n: 12 }, 'small double small double small'],
  ['while_nosave', () => composer.while_nosave(({ n }) => ({ n, value: n < 3 }), ({ n }) => ({ n: n + 1 })), { n: 0 }, { n: 3, value: false }, ''],
  ['dowhile', () => composer.dowhile('double', 'small'), { n: 3 }, { n: 12 }, 'double small double small'],
  ['dowhile_nosave', () => composer.dowhile_nosave(({ n }) => ({ n: n + 1 }), ({ n }) => ({ n, value: n < 3 })), { n: 0 }, { n: 3, value: false }, ''],
  ['repeat', () => composer.repeat(3, 'inc'), { n: 1 }, { n: 4 }, 'inc inc inc'],
  ['retry', () => composer.let({ tries: 0 }, composer.retry(5, () => ({ n: ++tries }), 'flaky')), {}, { n: 3 }, 'flaky flaky flaky'],
  ['retry in vain', () => composer.retry(2, 'fail'), {}, { error: 'no' }, 'fail fail fail'],
  ['try', () => composer.try('fail', ({ error }) => ({ caught: error })), {}, { caught: 'no' }, 'fail'],
  ['finally', () => composer.finally('fail', (params) => ({ last: params.error })), {}, { last: 'no' }, 'fail'],
  ['let', () => composer.let({ kept: 7 }, 'inc', ({ n }) => { kept += n; }, () => ({ kept })), { n: 1 }, { kept: 9 }, 'inc'],
  ['mask', () => composer.let({ x: 1 }, composer.let({ x: 2 }, composer.mask(() => ({ x })))), {}, { x: 1 }, ''],
  ['retain', () => composer.retain('inc'), { n: 1 }, { params: { n: 1 }, result: { n: 2 } }, 'inc'],
  ['retain_catch', () => composer.retain_catch('fail'), { n: 1 }, { params: { n: 1 }, result: { error: 'no' } }, 'fail'],
  ['merge', () => composer.merge(({ n }) => ({ m: n + 1 })), { n: 1 }, { n: 1, m: 2 }, ''],
  ['dynamic', () => composer.dynamic(), { type: 'action', name: 'inc', params: { n: 1 } }, { n: 2 }, 'inc'],
  ['composition in a composition', () => composer.seq('nested', 'inc'), { n: 1 }, { n: 5 }, 'nested inc'],
];

/** The same, for those that need Redis; branches run as compositions of their own. */
const parallel = [
  ['parallel', () => composer.parallel('inc', composer.seq('double', 'inc'), () => ({ n: 0 })), { n: 3 }, { value: [{ n: 4 }, { n: 7 }, { n: 0 }] }],
  ['par in par', () => composer.par(composer.par('inc', 'double'), 'inc'), { n: 3 }, { value: [{ value: [{ n: 4 }, { n: 6 }] }, { n: 4 }] }],
  ['parallel that fails in a branch', () => composer.parallel('inc', 'fail'), { n: 3 }, { value: [{ n: 4 }, { error: 'no' }] }],
  ['map', () => composer.map('inc'), { value: [{ n: 1 }, { n: 2 }, { n: 3 }] }, { value: [{ n: 2 }, { n: 3 }, { n: 4 }] }],
  ['map of nothing', () => composer.map('inc'), { value: [] }, { value: [] }],
  ['map of eight', () => composer.map(({ value }) => ({ value: value * value })), { value: [1, 2, 3, 4, 5, 6, 7, 8] }, { value: [1, 4, 9, 16, 25, 36, 49, 64].map((value) => ({ value })) }],
];

test('composer', async (all) => {
  for (const [name, code] of Object.entries(actions)) await ow.actions.update({ name, action: code });
  await ow.compositions.deploy({ name: 'nested', ...composer.seq('inc', 'double').compile() }, true);

  for (const [name, compose, input, expected, components] of cases) {
    await all.test(name, async () => {
      const ran = await run('composition', compose().compile(), input);
      assert.deepEqual(ran.response.result, expected);
      assert.equal(ran.response.success, expected.error === undefined);
      assert.equal(ran.components.join(' '), components);
      // With this, its code is not known any more, and its own conductor runs it.
      const conducted = await run('composition', compose().compile(), input, { debug: 'wisp' });
      assert.deepEqual(view(ran.steps), view(conducted.steps));
    });
  }

  await all.test('no sandbox is started where no function is', async () => {
    const { steps } = await run('plain', composer.if('small', 'inc', 'double').compile(), { n: 1 });
    // What runs in a sandbox says at which level.
    const sandboxed = steps.filter((step) => step.annotations.some(({ key }) => key === 'isolation'));
    assert.equal(sandboxed.filter((step) => step.name === 'plain').length, native ? 0 : 3);
  });

  await all.test('async goes on by itself', async () => {
    const composition = composer.async(composer.seq('inc', 'double')).compile();
    const { response } = await run('composition', composition, { n: 1 });
    assert.equal(response.result.method, 'async');
    for (let left = 200; ; left--) {
      const ended = await ow.activations.get({ name: response.result.activationId }).catch(() => undefined);
      if (ended) {
        assert.deepEqual(ended.response.result, { n: 4 });
        break;
      }
      assert.ok(left > 0, 'it has not ended');
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  });

  for (const [name, compose, input, expected] of parallel) {
    await all.test(name, { skip: !native && !uri && 'no Redis' }, async () => {
      const params = native ? input : { ...input, $composer };
      const { response } = await run('composition', compose().compile(), params);
      assert.deepEqual(response.result, expected);
    });
  }

  await all.test('parallel waits for longer than its conductor may run', { skip: !native && !uri && 'no Redis' }, async () => {
    const composition = composer.parallel('slow', 'inc').compile();
    const { response, components } = await run('composition', composition, { n: 1, $composer }, { timeout: 8000 });
    assert.deepEqual(response.result, { value: [{ n: 1 }, { n: 2 }] });
    // By itself, it gives itself another turn with the action that is always there.
    assert.equal(components.includes('echo'), !native, components.join(' '));
  });

  await all.test('the command line compiles and deploys', async () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'wisp-composer-'));
    const at = (file) => path.join(folder, file);
    const tool = (name) => path.join(path.dirname(require.resolve('openwhisk-composer/package.json')), 'bin', `${name}.js`);
    const node = (...args) => execFileSync(process.execPath, args, { env: { ...process.env, HOME: folder } });
    try {
      const text = `const composer = require('openwhisk-composer');
        module.exports = composer.if('small', composer.action('defined', { action: ({ n }) => ({ n: -n }) }));`;
      fs.writeFileSync(at('demo.js'), text);
      fs.writeFileSync(at('demo.json'), node(tool('compose'), at('demo.js')));
      node(tool('deploy'), 'demo', at('demo.json'), '-w', '--apihost', apihost, '-u', api_key);
      node(tool('deploy'), 'demo', at('demo.json'), '-w', '--apihost', apihost, '-u', api_key);
    } finally {
      fs.rmSync(folder, { recursive: true });
    }
    const { response } = await invoke('demo', { n: 2 });
    assert.deepEqual(response.result, { n: -2 });
  });

  const file = process.env.WISP_COMPOSER_CASES;
  await all.test('recorded cases', { skip: !file && 'WISP_COMPOSER_CASES names none' }, async (recorded) => {
    const { actions, cases } = JSON.parse(fs.readFileSync(file, 'utf8'));
    for (const { name, code, composition } of actions) {
      if (code) await ow.actions.update({ name, action: code });
      // Written as a call of a combinator with names of actions: sequence(a, b).
      const [, combinator, names] = /^(\w+)\((.*)\)$/.exec(composition || '') || [];
      if (combinator) {
        await ow.compositions.deploy({ name, ...composer[combinator](...names.split(/, */)).compile() }, true);
      }
    }
    for (const { id, composition, ast, input, components, success, result } of cases) {
      await recorded.test(id, async () => {
        const params = uri && !native ? { ...input, $composer } : input;
        const ran = await run('recorded', { composition, ast, version: '0.12.0' }, params);
        assert.deepEqual({ ...ran.response.result }, result);
        assert.equal(ran.response.success, success);
        assert.deepEqual(ran.components, components);
      });
    }
  });
});
