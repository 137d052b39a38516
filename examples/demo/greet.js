// Node: an async function, with a log line on each stream.
const os = require('os');

async function main({ name = 'stranger' }) {
  console.log(`greeting ${name}`);
  console.error('this line goes to the log as stderr');
  await new Promise((resolve) => setTimeout(resolve, 5));
  return { greeting: `Hello, ${name}!`, runtime: `node ${process.version}`, host: os.hostname() };
}
