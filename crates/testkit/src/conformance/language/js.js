// An isolate has no descriptors: what attacks the channel elsewhere cannot even be written here.
const channel = () => {
  throw new Error('there is no channel to be reached');
};

const tasks = {
  echo: (args) => args,
  fail: () => ({ error: { code: 7 } }),
  bad: () => 'text',
  exit: () => {
    console.log('last words');
    process.exit(3);
  },
  log: ({ word }) => {
    console.log(word);
    console.error(`${word} problem`);
    process.stdout.write(`${word} again, unfinished`);
  },
  flood: ({ lines }) => {
    for (let n = 0; n < lines; n++) console[n % 2 ? 'error' : 'log'](`line ${n} ${'x'.repeat(40)}`);
  },
  environment: () => ({ ...process.env }),
  huge: ({ bytes }) => ({ text: 'y'.repeat(bytes) }),
  loop: () => {
    console.log('before loop');
    for (;;);
  },
  sleep: () => {
    console.log('before sleep');
    return new Promise(() => setInterval(() => {}, 1000));
  },
  garbage: channel,
  hugeframe: channel,
  forge: channel,
  close: channel,
  memory: () => {
    const kept = [];
    for (;;) kept.push(new Uint8Array(1 << 20).fill(1));
  },
};

export function main(args) {
  return tasks[args.do](args);
}
