// Adobe's aio with its runtime plugin, from deploy to logs.
'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');
const { client, eventually } = require('../command');

const { WISP_APIHOST, WISP_AUTH } = process.env;
const { run, home } = client('aio', path.join(__dirname, 'project'), {
  AIO_TELEMETRY_ENABLED: 'false',
  USE_RUNTIME_AUTH: 'true',
});
fs.writeFileSync(path.join(home, '.wskprops'), `APIHOST=${WISP_APIHOST}\nAUTH=${WISP_AUTH}\nNAMESPACE=guest\n`);
const rt = (...words) => run('rt', ...words);
const json = async (...words) => JSON.parse(await rt(...words));

test('namespaces and properties', async () => {
  assert.match(await rt('ns', 'list'), /guest/);
  assert.match(await rt('property', 'get'), /whisk API build version +wisp/);
});

test('actions: create, invoke, get, list, update', async () => {
  await rt('action', 'create', 'h', 'h.js', '--web', 'true');
  assert.deepEqual(await json('action', 'invoke', 'h', '--result', '--param', 'n', '1'), { n: 2 });
  const [listed] = await json('action', 'list', '--json');
  assert.deepEqual([listed.name, listed.version], ['h', '0.0.1']);
  const address = (await rt('action', 'get', 'h', '--url')).trim();
  assert.equal((await fetch(`${address}.json?n=4`)).status, 200);
  await rt('action', 'update', 'h', 'h.js', '--param', 'a', 'b', '--memory', '128');
  assert.deepEqual(await json('action', 'invoke', 'h', '--result'), { n: 1, a: 'b' });
  await assert.rejects(rt('action', 'get', 'nothing'), /404/);
});

test('activations: list, get, logs, result', async () => {
  const [latest] = await json('activation', 'list', '--json');
  assert.match(await rt('activation', 'list'), new RegExp(latest.activationId));
  assert.equal((await json('activation', 'get', '--last')).activationId, latest.activationId);
  assert.deepEqual((await json('activation', 'result', '--last')).result, { n: 1, a: 'b' });
  assert.match(await rt('activation', 'logs', '--last'), /got 0/);
  assert.match(await rt('activation', 'logs', latest.activationId), /got 0/);
});

test('triggers and rules', async () => {
  await rt('trigger', 'create', 't', '--param', 'from', 'trigger');
  await rt('rule', 'create', 'r', 't', 'h');
  assert.match((await json('trigger', 'fire', 't')).activationId, /^[0-9a-f]{32}$/);
  await eventually(async () => {
    const found = await json('activation', 'list', 'h', '--full', '--json');
    assert.ok(found.some(({ response }) => response.result.from === 'trigger'));
  }, 5);
  await rt('rule', 'disable', 'r');
  assert.equal((await rt('rule', 'status', 'r')).trim(), 'inactive');
  await rt('rule', 'enable', 'r');
  assert.match(await rt('rule', 'list'), /active +0\.0\.1 +r/);
  await rt('rule', 'delete', 'r');
  await rt('trigger', 'delete', 't');
});

test('a trigger of a feed', async () => {
  await rt('trigger', 'create', 'alarm', '--feed', '/whisk.system/alarms/alarm', '--param', 'cron', '0 0 1 1 *');
  const { annotations } = await json('trigger', 'get', 'alarm');
  assert.deepEqual(annotations, [{ key: 'feed', value: '/whisk.system/alarms/alarm' }]);
  await rt('trigger', 'delete', 'alarm');
});

test('packages and bindings', async () => {
  await rt('package', 'create', 'p', '--param', 'a', '1');
  await rt('package', 'bind', 'p', 'q');
  assert.deepEqual((await json('package', 'get', 'p')).parameters, [{ key: 'a', value: '1' }]);
  assert.match(await rt('package', 'list'), /q/);
  await rt('package', 'delete', 'q');
  await rt('package', 'delete', 'p');
});

test('an API is created, listed, called and deleted', async () => {
  const address = (await rt('api', 'create', '/b', '/p', 'get', 'h', '--response-type', 'json')).trim();
  const reply = await fetch(`${address}?n=4`);
  assert.deepEqual([reply.status, (await reply.json()).n], [200, 5]);
  assert.equal((await json('api', 'get', '/b')).paths['/p'].get['x-openwhisk'].url.split('/').pop(), 'h.json');
  assert.match(await rt('api', 'list'), /\/getP +get/);
  assert.equal((await json('api', 'get', '/b')).basePath, '/b');
  await rt('api', 'delete', '/b');
  assert.equal((await fetch(address)).status, 404);
});

test('a manifest is deployed and undeployed', async () => {
  assert.match(await rt('deploy', '-m', 'manifest.yml'), /Deployment completed successfully/);
  assert.deepEqual(await json('action', 'invoke', 'shop/both', '--result', '--param', 'n', '1'), { n: 3, step: 1 });
  const [, address] = (await rt('api', 'list')).match(/(http\S+\/shop\/count)/);
  assert.equal((await fetch(address)).status, 204);
  assert.match(await rt('deploy', 'undeploy', '-m', 'manifest.yml'), /Undeployment completed successfully/);
  assert.equal((await fetch(address)).status, 404);
});

test('a project is synchronised and undeployed by its name', async () => {
  const manifest = fs.readFileSync(path.join(__dirname, 'project/manifest.yml'), 'utf8').replace(/^/gm, '  ');
  const file = path.join(home, 'project/project.yml');
  fs.writeFileSync(file, `project:\n  name: counting\n${manifest}`);
  await rt('deploy', 'sync', '-m', file);
  await rt('deploy', 'export', '--projectname', 'counting', '-m', 'exported.yml');
  assert.match(fs.readFileSync(path.join(home, 'project/exported.yml'), 'utf8'), /both:\s+actions: inc,seen/);
  assert.match(await rt('deploy', 'undeploy', '--projectname', 'counting'), /Undeployment completed successfully/);
  assert.deepEqual((await json('action', 'list', '--json')).map(({ name }) => name), ['h']);
});
