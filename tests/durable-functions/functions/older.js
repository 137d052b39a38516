// The older programming model: what is exported is the function.
const df = require('durable-functions-2');

exports.main = df.orchestrator(function* (context) {
  const doubled = yield context.df.Task.all([1, 2, 3].map((n) => context.df.callActivity('double', { n })));
  const late = context.df.createTimer(new Date(context.df.currentUtcDateTime.getTime() + 50));
  yield late;
  return doubled.reduce((sum, { n }) => sum + n, 0);
});
