// Counts words in an asynchronous function: what it returns is a promise.
async function main({ payload }) {
  await new Promise((resolve) => setImmediate(resolve));
  const count = String(payload).split(/\s+/).filter(Boolean).length;
  return { count };
}
