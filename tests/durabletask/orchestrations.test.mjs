// Orchestrations as code in JavaScript: what the library offers, against the server beside the tests.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { setTimeout as sleep } from "node:timers/promises";
import { after, before, test } from "node:test";

const require = createRequire(process.env.NODE_PATH + "/");
const {
  EntityInstanceId, NoOpLogger, OrchestrationStatus, TaskEntity, TaskHubGrpcClient, TaskHubGrpcWorker, whenAll, whenAny,
} = require("@microsoft/durabletask-js");
const { Metadata } = require("@grpc/grpc-js");

const PATIENCE = 120;
const reach = {
  hostAddress: process.env.WISP_APIHOST.replace("http://", ""),
  logger: new NoOpLogger(),
  metadataGenerator: async () => {
    const metadata = new Metadata();
    metadata.set("authorization", "Basic " + Buffer.from(process.env.WISP_AUTH).toString("base64"));
    metadata.set("taskhub", "javascript");
    return metadata;
  },
};

let mended = false;

const plusOne = async (_, number) => number + 1;
const fragile = async () => {
  if (!mended) throw new Error("broken");
  return "mended";
};

async function* chain(context, number) {
  for (let step = 0; step < 3; step++) number = yield context.callActivity(plusOne, number);
  return number;
}
async function* fan(context, count) {
  const numbers = yield whenAll(Array.from({ length: count }, (_, number) => context.callActivity(plusOne, number)));
  return numbers.reduce((sum, number) => sum + number, 0);
}
async function* approval(context, seconds) {
  const asked = context.waitForExternalEvent("approval");
  const first = yield whenAny([asked, context.createTimer(seconds)]);
  return first === asked ? asked.getResult() : "nobody answered";
}
async function* parent(context, number) {
  return yield context.callSubOrchestrator(chain, number);
}
async function* countsDown(context, left) {
  if (left === 0) return "done";
  yield context.callActivity(plusOne, left);
  context.continueAsNew(left - 1, false);
}
async function* listens(context) {
  context.setCustomStatus("listening");
  return yield context.waitForExternalEvent("word");
}
async function* mendable(context) {
  return yield context.callActivity(fragile);
}
async function* adds(context, amount) {
  const counter = new EntityInstanceId("counter", "asked");
  yield context.entities.callEntity(counter, "add", amount);
  context.entities.signalEntity(counter, "add", amount);
  return yield context.entities.callEntity(counter, "get");
}
async function* moves(context, amount) {
  const accounts = ["left", "right"].map((key) => new EntityInstanceId("counter", key));
  const lock = yield context.entities.lockEntities(...accounts);
  const left = yield context.entities.callEntity(accounts[0], "get");
  const right = yield context.entities.callEntity(accounts[1], "get");
  yield context.entities.callEntity(accounts[0], "add", -amount);
  yield context.entities.callEntity(accounts[1], "add", amount);
  lock.release();
  return left + right;
}

class Counter extends TaskEntity {
  initializeState() {
    return 0;
  }
  add(amount) {
    this.state += amount;
    return this.state;
  }
  get() {
    return this.state;
  }
}

const client = new TaskHubGrpcClient(reach);
const worker = new TaskHubGrpcWorker(reach);

before(async () => {
  for (const one of [chain, fan, approval, parent, countsDown, listens, mendable, adds, moves]) worker.addOrchestrator(one);
  for (const one of [plusOne, fragile]) worker.addActivity(one);
  worker.addNamedEntity("counter", () => new Counter());
  await worker.start();
});
after(async () => {
  await worker.stop();
  await client.stop();
});

async function completes(orchestrator, given, expected) {
  const id = await client.scheduleNewOrchestration(orchestrator, given);
  return ends(id, expected);
}
async function ends(id, expected) {
  const state = await client.waitForOrchestrationCompletion(id, true, PATIENCE);
  assert.equal(state.runtimeStatus, OrchestrationStatus.COMPLETED, JSON.stringify(state.failureDetails));
  assert.deepEqual(JSON.parse(state.serializedOutput), expected);
  return id;
}
async function becomes(id, status) {
  for (let wait = 0; wait < PATIENCE * 10; wait++) {
    if ((await client.getOrchestrationState(id)).runtimeStatus === status) return;
    await sleep(100);
  }
  assert.fail(`${id} does not become ${status}`);
}

test("activities follow each other", () => completes(chain, 1, 4));
test("activities fan out and in", () => completes(fan, 80, 3240));
test("what is waited for comes", async () => {
  const id = await client.scheduleNewOrchestration(approval, 3600);
  await client.waitForOrchestrationStart(id, false, PATIENCE);
  await client.raiseOrchestrationEvent(id, "approval", "granted");
  await ends(id, "granted");
});
test("or does not", () => completes(approval, 0.2, "nobody answered"));
test("children run", () => completes(parent, 5, 8));
test("histories begin anew", () => completes(countsDown, 4, "done"));
test("ends from outside", async () => {
  const id = await client.scheduleNewOrchestration(listens);
  await becomes(id, OrchestrationStatus.RUNNING);
  await client.terminateOrchestration(id, "enough");
  const state = await client.waitForOrchestrationCompletion(id, true, PATIENCE);
  assert.equal(state.runtimeStatus, OrchestrationStatus.TERMINATED);
});
test("one that waits hears later", async () => {
  const id = await client.scheduleNewOrchestration(listens);
  await becomes(id, OrchestrationStatus.RUNNING);
  await client.suspendOrchestration(id);
  await becomes(id, OrchestrationStatus.SUSPENDED);
  await client.raiseOrchestrationEvent(id, "word", "later");
  await client.resumeOrchestration(id);
  await ends(id, "later");
});
test("one goes on from where it failed, and runs once more", async () => {
  const id = await client.scheduleNewOrchestration(mendable);
  const state = await client.waitForOrchestrationCompletion(id, true, PATIENCE);
  assert.equal(state.runtimeStatus, OrchestrationStatus.FAILED);
  mended = true;
  await client.rewindInstance(id, "it is mended");
  await ends(id, "mended");
  await ends(await client.restartOrchestration(id, true), "mended");
});
test("instances are found, read and purged", async () => {
  const id = await completes(chain, 20, 23);
  const found = [];
  for await (const state of client.getAllInstances({ pageSize: 2 })) found.push(state.instanceId);
  assert.ok(found.includes(id));
  assert.ok((await client.listInstanceIds({ pageSize: 500 })).values.includes(id));
  const history = await client.getOrchestrationHistory(id);
  assert.equal(history.filter((event) => event.type === "TaskCompleted").length, 3);
  assert.equal((await client.purgeOrchestration(id)).deletedInstanceCount, 1);
  assert.equal(await client.getOrchestrationState(id), undefined);
});
test("entities are signaled and called", async () => {
  await completes(adds, 3, 6);
  const id = new EntityInstanceId("counter", "signaled");
  for (let signal = 0; signal < 20; signal++) await client.signalEntity(id, "add", 2);
  for (let wait = 0; wait < PATIENCE * 10; wait++) {
    const entity = await client.getEntity(id);
    if (entity?.state === 40) return;
    await sleep(100);
  }
  assert.fail("the signals are not done");
});
test("locks keep others out", async () => {
  await Promise.all(Array.from({ length: 10 }, () => completes(moves, 1, 0)));
});
