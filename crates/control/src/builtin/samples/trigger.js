// Fires a trigger with all other parameters. It needs the annotation provide-api-key to be allowed to.
const openwhisk = require('openwhisk');

async function main({ name, ...params }) {
  return openwhisk().triggers.invoke({ name, params });
}
