// What orchestrators of the current package do, in one app.
const df = require('durable-functions');

const retry = new df.RetryOptions(50, 3);
const entity = (key) => new df.EntityId('Ledger', key);

// Attempts, of activities and of other orchestrators; also of what fails for good.
df.app.orchestration('attempts', function* (context) {
  const name = context.df.getInput();
  const good = yield context.df.Task.all([
    context.df.callActivityWithRetry(name, retry, { fail: 2 }),
    context.df.callActivity('plain', 1),
  ]);
  try {
    yield context.df.callActivityWithRetry('never', retry, {});
  } catch (error) {
    const after = yield context.df.callActivity('plain', 2);
    return { good, error: error.message.trim(), after };
  }
});

// The first of several, a loser that is waited for later, a timer that is not needed any more.
df.app.orchestration('race', function* (context) {
  const late = context.df.createTimer(new Date(context.df.currentUtcDateTime.getTime() + 3600_000));
  const [one, other] = ['one', 'other'].map((name) => context.df.waitForExternalEvent(name));
  const first = yield context.df.Task.any([one, other, late]);
  late.cancel();
  const second = yield context.df.Task.any([first === one ? other : one, context.df.callActivity('plain', 7)]);
  const third = yield first === one ? other : one;
  return { first: first.result, second: second.result, third };
});

// Events that come before somebody waits, over a beginning anew.
df.app.orchestration('buffered', function* (context) {
  const { round, seen } = context.df.getInput();
  seen.push(yield context.df.waitForExternalEvent('item'));
  if (round === 3) return seen;
  context.df.continueAsNew({ round: round + 1, seen });
});

df.app.orchestration('parent', function* (context) {
  const ids = yield context.df.Task.all([1, 2].map((n) => context.df.callSubOrchestrator('child', { n }, n === 2 ? `${context.df.instanceId}-two` : undefined)));
  try {
    yield context.df.callSubOrchestrator('child', { n: 0 });
  } catch (error) {
    return { ids, error: error.message.trim() };
  }
});
df.app.orchestration('child', function* (context) {
  const { n } = context.df.getInput();
  if (n === 0) throw new Error('nothing to do');
  context.df.setCustomStatus({ n });
  return { n: yield context.df.callActivity('plain', n), parent: context.df.parentInstanceId !== undefined };
});

df.app.orchestration('ledger', function* (context) {
  const key = context.df.getInput();
  for (const amount of [5, 7]) context.df.signalEntity(entity(key), 'add', amount);
  const sum = yield context.df.callEntity(entity(key), 'sum');
  let refused;
  try {
    yield context.df.callEntity(entity(key), 'explode');
  } catch (error) {
    refused = true;
  }
  context.df.signalEntity(entity(key), 'forward', `${key}-copy`);
  return { sum, refused };
});
df.app.entity('Ledger', (context) => {
  const amounts = context.df.getState(() => []);
  switch (context.df.operationName) {
    case 'add':
      return context.df.setState([...amounts, context.df.getInput()]);
    case 'sum':
      return context.df.return(amounts.reduce((sum, amount) => sum + amount, 0));
    case 'forward':
      for (const amount of amounts) context.df.signalEntity(entity(context.df.getInput()), 'add', amount);
      return;
    case 'delete':
      return context.df.destructOnExit();
    default:
      throw new Error('boom');
  }
});

df.app.orchestration('web', function* (context) {
  const answer = yield context.df.callHttp({ method: 'GET', url: context.df.getInput() });
  return { status: answer.statusCode, content: answer.content };
});

df.app.orchestration('endless', function* (context) {
  yield context.df.waitForExternalEvent('never');
});

df.app.activity('plain', { handler: (input) => ({ input }) });
df.app.activity('never', { handler: () => { throw new Error('never'); } });
