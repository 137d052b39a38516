// An action that calls itself, until n is 0. It needs the annotation provide-api-key to be allowed to.
const openwhisk = require('openwhisk');

async function main({ n }) {
  console.log(n);
  if (!(n > 0)) return { done: true };
  const { activationId } = await openwhisk().actions.invoke({ name: process.env.__OW_ACTION_NAME, params: { n: n - 1 } });
  return { n, next: activationId };
}
