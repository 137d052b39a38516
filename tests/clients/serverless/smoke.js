// The Serverless Framework with its plugin for OpenWhisk, over TLS, from deploy to logs and remove.
'use strict';

const assert = require('node:assert/strict');
const path = require('node:path');
const { test } = require('node:test');
const { client, eventually } = require('../command');

const { WISP_APIHOST, WISP_TLS_APIHOST, WISP_AUTH } = process.env;
const { run: sls } = client('serverless', path.join(__dirname, 'project'), {
  OW_APIHOST: WISP_TLS_APIHOST.replace('https://', ''),
  OW_AUTH: WISP_AUTH,
  SLS_TELEMETRY_DISABLED: '1',
  SLS_NOTIFICATIONS_MODE: 'off',
});
const invoke = async (name, data) => JSON.parse(await sls('invoke', '-f', name, '-d', JSON.stringify(data)));
const authorization = `Basic ${Buffer.from(WISP_AUTH).toString('base64')}`;
const api = `${WISP_APIHOST}/api/v1/namespaces`;
/** What the REST API has below the namespace. */
const get = async (path) => (await fetch(`${api}/_/${path}`, { headers: { authorization } })).json();
const post = (path, body) =>
  fetch(`${api}/${path}`, {
    method: 'POST',
    headers: { authorization, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
const names = async (collection) => (await get(collection)).map(({ name }) => name).sort();

test('deploy makes functions, sequences, packages, triggers, rules and an API', async () => {
  await sls('deploy');
  assert.deepEqual(await names('actions'), ['shop-dev-add', 'shop-dev-both', 'shop-dev-greet', 'shop-dev-seen']);
  assert.deepEqual(await names('triggers'), ['uploads', 'yearly']);
  assert.deepEqual(await names('rules'), ['shop_uploads_to_seen']);
  assert.deepEqual((await get('packages/shop_settings')).parameters, [{ key: 'currency', value: 'EUR' }]);
  const { limits } = await get('actions/shop-dev-greet');
  assert.deepEqual([limits.memory, limits.timeout], [128, 30_000]);
});

test('info shows where everything is', async () => {
  const shown = await sls('info');
  assert.match(shown, /shop-dev-greet/);
  assert.match(shown, /GET http\S+\/greetings\/hello --> shop-dev-greet/);
});

test('the http event is a route, and its function is behind a key', async () => {
  const [, address] = (await sls('info')).match(/GET (\S+) -->/);
  const reply = await fetch(`${address}?name=x`);
  assert.deepEqual([reply.status, await reply.json()], [200, { greeting: 'hello, x' }]);
  const direct = await fetch(`${WISP_APIHOST}/api/v1/web/guest/default/shop-dev-greet`);
  assert.equal(direct.status, 401);
});

test('invoke runs functions of two languages, and a sequence', async () => {
  assert.deepEqual(await invoke('greet', { name: 'z' }), { greeting: 'hello, z' });
  assert.deepEqual(await invoke('add', { a: 2, b: 3 }), { sum: 5 });
  assert.deepEqual(await invoke('both', { name: 'z' }), { seen: { greeting: 'hello, z' } });
});

test('logs shows what a function printed', async () => {
  assert.match(await sls('logs', '-f', 'greet'), /greeting z/);
});

test('the trigger event runs the function', async () => {
  assert.equal((await post('_/triggers/uploads', { file: 'a.jpg' })).status, 202);
  await eventually(async () => {
    const found = await get('activations?name=shop-dev-seen&docs=true');
    assert.ok(found.some(({ response }) => response.result.seen?.file === 'a.jpg'));
  });
});

// This version of the plugin names the feed, but does not call it.
test('the trigger of a feed says so', async () => {
  const { annotations } = await get('triggers/yearly');
  assert.deepEqual(annotations, [{ key: 'feed', value: '/whisk.system/alarms/alarm' }]);
});

test('a second deploy changes what is there', async () => {
  const { version } = await get('actions/shop-dev-greet');
  await sls('deploy');
  assert.notEqual((await get('actions/shop-dev-greet')).version, version);
  assert.deepEqual(await invoke('greet', {}), { greeting: 'hello, you' });
});

test('remove leaves nothing', async () => {
  const [, address] = (await sls('info')).match(/GET (\S+) -->/);
  await sls('remove');
  for (const collection of ['actions', 'triggers', 'rules', 'packages']) assert.deepEqual(await names(collection), []);
  assert.equal((await fetch(address)).status, 404);
});
