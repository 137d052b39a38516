// @ts-check
// Fan-out and fan-in: as many activities at once as the first one finds work for, then one with all results.
const df = require('durable-functions');

/** @type {import('durable-functions').OrchestrationHandler} */
const fan = function* (context) {
  const { batch } = yield context.df.callActivity('fan-list', context.df.getInput());
  const results = yield context.df.Task.all(batch.map((work) => context.df.callActivity('fan-work', work)));
  return yield context.df.callActivity('fan-sum', { results });
};

df.app.orchestration('fan', fan);
