// The JavaScript SDK, unmodified, from deploy to logs. Arguments: API host, key.
'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');
const openwhisk = require('openwhisk');

const [apihost, api_key] = [process.env.WISP_APIHOST, process.env.WISP_AUTH];
const ow = openwhisk({ apihost, api_key });
const wait = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Tries until the promise is fulfilled; the last rejection otherwise. */
async function eventually(attempt, tries = 100) {
  for (let left = tries; ; left--) {
    try {
      return await attempt();
    } catch (error) {
      if (left === 0) throw error;
      await wait(50);
    }
  }
}

test('actions: create, invoke, get, list, update, delete', async () => {
  const created = await ow.actions.create({ name: 'h', action: 'function main(p){return {hello:p.name}}' });
  assert.match(created.exec.kind, /^nodejs:\d+$/);
  const result = await ow.actions.invoke({ name: 'h', blocking: true, result: true, params: { name: 'x' } });
  assert.deepEqual(result, { hello: 'x' });
  const activation = await ow.actions.invoke({ name: 'h', blocking: true, params: { name: 'y' } });
  assert.equal(activation.response.status, 'success');
  assert.ok((await ow.actions.list()).some((action) => action.name === 'h'));
  assert.equal((await ow.actions.get({ name: 'h' })).version, '0.0.1');
  const updated = await ow.actions.update({ name: 'h', action: 'function main(){return {updated:true}}' });
  assert.equal(updated.version, '0.0.2');
  assert.deepEqual(await ow.actions.invoke({ name: 'h', blocking: true, result: true }), { updated: true });
  await ow.actions.delete({ name: 'h' });
  await assert.rejects(ow.actions.get({ name: 'h' }), (error) => error.statusCode === 404);
});

test('an application error rejects with the result', async () => {
  await ow.actions.update({ name: 'fails', action: 'function main(){return {error:"no"}}' });
  await assert.rejects(ow.actions.invoke({ name: 'fails', blocking: true, result: true }), (error) => {
    assert.equal(error.statusCode, 502);
    assert.equal(error.error.response.result.error, 'no');
    return true;
  });
});

test('parameters, annotations and limits are kept', async () => {
  const options = { params: { a: 1 }, annotations: { note: 'x' }, limits: { timeout: 5000, memory: 128 } };
  await ow.actions.update({ name: 'bound', action: 'function main(p){return p}', ...options });
  const action = await ow.actions.get({ name: 'bound' });
  assert.deepEqual(action.parameters, [{ key: 'a', value: 1 }]);
  assert.ok(action.annotations.some(({ key, value }) => key === 'note' && value === 'x'));
  assert.equal(action.limits.timeout, 5000);
  const result = await ow.actions.invoke({ name: 'bound', blocking: true, result: true, params: { b: 2 } });
  assert.deepEqual(result, { a: 1, b: 2 });
});

test('non-blocking invocations have a record with logs', async () => {
  await ow.actions.update({ name: 'logs', action: 'function main(){console.log("to out");return {done:1}}' });
  const { activationId } = await ow.actions.invoke({ name: 'logs' });
  const activation = await eventually(() => ow.activations.get({ name: activationId }));
  assert.equal(activation.response.result.done, 1);
  const { logs } = await ow.activations.logs({ name: activationId });
  assert.match(logs[0], /^\d{4}-\d\d-\d\dT[\d:.]+Z +stdout: to out$/);
  const { result } = await ow.activations.result({ name: activationId });
  assert.deepEqual(result, { done: 1 });
  const [latest] = await ow.activations.list({ limit: 1 });
  assert.equal(latest.activationId, activationId);
});

test('packages hold and bind actions', async () => {
  await ow.packages.update({ name: 'pkg', package: { parameters: [{ key: 'from', value: 'package' }] } });
  await ow.actions.update({ name: 'pkg/echo', action: 'function main(p){return p}' });
  const invoke = (name) => ow.actions.invoke({ name, blocking: true, result: true });
  assert.deepEqual(await invoke('pkg/echo'), { from: 'package' });
  const binding = { namespace: '_', name: 'pkg' };
  await ow.packages.update({ name: 'bound-pkg', package: { binding, parameters: [{ key: 'by', value: 'binding' }] } });
  assert.deepEqual(await invoke('bound-pkg/echo'), { from: 'package', by: 'binding' });
  assert.equal((await ow.packages.get({ name: 'pkg' })).actions[0].name, 'echo');
  assert.ok((await ow.packages.list()).length >= 2);
  await ow.packages.delete({ name: 'bound-pkg' });
  await ow.actions.delete({ name: 'pkg/echo' });
  await ow.packages.delete({ name: 'pkg' });
});

test('sequences pass results on', async () => {
  await ow.actions.update({ name: 'inc', action: 'function main({n=0}){return {n:n+1}}' });
  await ow.actions.update({ name: 'seq', sequence: ['/_/inc', '/_/inc', '/_/inc'] });
  const activation = await ow.actions.invoke({ name: 'seq', blocking: true, params: { n: 1 } });
  assert.deepEqual(activation.response.result, { n: 4 });
  const { logs } = await ow.activations.get({ name: activation.activationId });
  assert.equal(logs.length, 3);
});

test('triggers and rules invoke', async () => {
  await ow.actions.update({ name: 'seen', action: 'function main(p){return p}' });
  await ow.triggers.update({ name: 't' });
  await ow.rules.update({ name: 'r', action: '/_/seen', trigger: '/_/t' });
  const since = Date.now();
  await ow.triggers.invoke({ name: 't', params: { event: 1 } });
  const activation = await eventually(async () => {
    const [found] = await ow.activations.list({ name: 'seen', since, docs: true });
    assert.ok(found);
    return found;
  });
  assert.equal(activation.response.result.event, 1);
  await ow.rules.disable({ name: 'r' });
  assert.equal((await ow.rules.get({ name: 'r' })).status, 'inactive');
  await ow.rules.enable({ name: 'r' });
  assert.equal((await ow.rules.get({ name: 'r' })).status, 'active');
  await ow.rules.delete({ name: 'r' });
  await ow.triggers.delete({ name: 't' });
});

test('an action uses the SDK with the key that it is given', async () => {
  const code = `const openwhisk = require('openwhisk');
    async function main() { return { names: await openwhisk().namespaces.list() }; }`;
  await ow.actions.update({ name: 'inside', action: code, annotations: { 'provide-api-key': true } });
  const result = await ow.actions.invoke({ name: 'inside', blocking: true, result: true });
  assert.deepEqual(result, { names: ['guest'] });
});

test('feeds connect triggers with alarms', async () => {
  await ow.triggers.update({ name: 'tick' });
  await ow.actions.update({ name: 'ticked', action: 'function main(p){return p}' });
  await ow.rules.update({ name: 'ticks', action: '/_/ticked', trigger: '/_/tick' });
  const feed = { name: '/whisk.system/alarms/alarm', trigger: 'tick' };
  await ow.feeds.create({ ...feed, params: { cron: '* * * * * *', trigger_payload: { n: 1 } } });
  await eventually(async () => {
    const [activation] = await ow.activations.list({ name: 'ticked', docs: true });
    assert.equal(activation.response.result.n, 1);
  });
  await ow.feeds.update({ ...feed, params: { cron: '0 0 1 1 *' } });
  const { response } = await ow.feeds.get(feed);
  assert.equal(response.result.config.cron, '0 0 1 1 *');
  assert.equal(response.result.status.active, true);
  await ow.feeds.delete(feed);
  await assert.rejects(ow.feeds.get(feed), (error) => error.statusCode === 502);
  await ow.rules.delete({ name: 'ticks' });
  await ow.triggers.delete({ name: 'tick' });
});

test('the namespace is one', async () => {
  assert.deepEqual(await ow.namespaces.list(), ['guest']);
});

test('routes: an API is created, listed, called and deleted', async () => {
  const annotations = { 'web-export': true };
  await ow.actions.update({ name: 'route', action: 'function main(p){return {body:{hello:p.name}}}', annotations });
  const created = await ow.routes.create({ basepath: '/sdk', relpath: '/hello', operation: 'GET', action: 'route' });
  assert.equal(created.apidoc.basePath, '/sdk');
  const { apis } = await ow.routes.list();
  assert.ok(apis.some(({ value }) => value.apidoc.paths['/hello'].get['x-openwhisk'].action === 'route'));
  const reply = await fetch(`${created.gwApiUrl}/hello?name=x`);
  assert.deepEqual([reply.status, await reply.json()], [200, { hello: 'x' }]);
  await ow.routes.delete({ basepath: '/sdk' });
  assert.equal((await fetch(`${created.gwApiUrl}/hello`)).status, 404);
  await assert.rejects(ow.routes.delete({ basepath: '/sdk' }), /does not exist/);
});
