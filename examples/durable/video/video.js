// @ts-check
// A video in several resolutions: each is an orchestration of its own, which encodes chunks side by side and joins them.
const df = require('durable-functions');

const retry = new df.RetryOptions(50, 4);

df.app.orchestration('video', function* (context) {
  const { seconds, heights } = /** @type {{ seconds: number, heights: number[] }} */ (context.df.getInput());
  const { chunks } = yield context.df.callActivity('split', { seconds });
  const encodings = heights.map((height) => context.df.callSubOrchestrator('encoding', { height, chunks }));
  const files = yield context.df.Task.all(encodings);
  return yield context.df.callActivity('playlist', { files });
});

df.app.orchestration('encoding', function* (context) {
  const { height, chunks } = /** @type {{ height: number, chunks: object[] }} */ (context.df.getInput());
  const encoded = chunks.map((chunk) => context.df.callActivityWithRetry('encode', retry, { chunk, height }));
  return yield context.df.callActivity('join', { height, pieces: yield context.df.Task.all(encoded) });
});
