// The package's own client, made from a binding: starts, looks, raises, signals, ends.
import { createRequire } from 'module';
const require = createRequire(process.argv[2] + '/');
const { DurableClient } = require('./durable-functions/lib/src/durableClient/DurableClient');
const { EntityId } = require('./durable-functions');

const client = new DurableClient(JSON.parse(process.argv[3]));
const id = await client.startNew('echo', { input: { a: [1, 'b'] } });
let status;
do status = await client.getStatus(id, { showInput: true });
while (['Pending', 'Running'].includes(status.runtimeStatus));
const waiting = await client.startNew('patient', { instanceId: process.argv[4] });
await client.raiseEvent(waiting, 'go', { word: 'now' });
let raised;
do raised = await client.getStatus(waiting);
while (['Pending', 'Running'].includes(raised.runtimeStatus));
const entity = new EntityId('counter', process.argv[4]);
await client.signalEntity(entity, 'add', 5);
let value;
do value = await client.readEntityState(entity);
while (!value.entityExists);
const stopped = await client.startNew('patient');
await client.terminate(stopped, 'enough');
const listed = await client.getStatusBy({ runtimeStatus: ['Completed'] });
const purged = await client.purgeInstanceHistory(id);
console.log(
  JSON.stringify({
    output: status.output,
    input: status.input,
    raised: raised.output,
    value: value.entityState,
    listed: listed.some(({ instanceId }) => instanceId === id),
    purged: purged.instancesDeleted,
    terminated: (await client.getStatus(stopped)).runtimeStatus !== 'Running' || 'not yet',
    links: Object.keys(client.createHttpManagementPayload(id)).length,
  }),
);
