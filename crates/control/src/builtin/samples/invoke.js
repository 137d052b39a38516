// Invokes another action and waits for its result. It needs the annotation provide-api-key to be allowed to.
const openwhisk = require('openwhisk');

async function main({ payload }) {
  return openwhisk().actions.invoke({ name: '/whisk.system/samples/wordcount', params: { payload }, blocking: true, result: true });
}
