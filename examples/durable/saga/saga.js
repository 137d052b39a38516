// @ts-check
// A saga: what was booked is taken back, in reverse order, when a later booking fails.
const df = require('durable-functions');

const retry = new df.RetryOptions(100, 3);

/** @type {import('durable-functions').OrchestrationHandler} */
const saga = function* (context) {
  const trip = /** @type {{ sold?: string }} */ (context.df.getInput());
  const done = [];
  try {
    for (const what of ['flight', 'hotel', 'car']) {
      yield context.df.callActivityWithRetry('book', retry, { what, sold: trip.sold });
      done.push(what);
    }
    return { booked: done };
  } catch (error) {
    const undone = [];
    for (const what of done.reverse()) {
      const { cancelled } = yield context.df.callActivity('cancel', { what });
      undone.push(cancelled);
    }
    return { booked: [], cancelled: undone };
  }
};

df.app.orchestration('saga', saga);
