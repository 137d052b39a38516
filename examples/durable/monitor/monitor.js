// @ts-check
// Looks how a job goes, in growing intervals, until it is done or the time is up.
const df = require('durable-functions');

/** @type {import('durable-functions').OrchestrationHandler} */
const monitor = function* (context) {
  const { job, seconds } = /** @type {{ job: string, seconds: number }} */ (context.df.getInput());
  const end = context.df.currentUtcDateTime.getTime() + seconds * 1000;
  for (let look = 1, pause = 100; context.df.currentUtcDateTime.getTime() < end; look++, pause *= 1.5) {
    const { state } = yield context.df.callActivity('look', { job, look });
    context.df.setCustomStatus({ look, state });
    if (state === 'done') return yield context.df.callActivity('tell', { job, look });
    yield context.df.createTimer(new Date(context.df.currentUtcDateTime.getTime() + pause));
  }
  return { job, state: 'late' };
};

df.app.orchestration('monitor', monitor);
