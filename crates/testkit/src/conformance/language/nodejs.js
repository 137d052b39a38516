const fs = require('fs');

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
    return new Promise(() => {});
  },
  garbage: () => {
    fs.writeSync(3, 'x'.repeat(100));
    return new Promise(() => {});
  },
  hugeframe: () => {
    fs.writeSync(3, Buffer.from([255, 255, 255, 255, 3, 0, 0, 0, 0, 0, 0, 0, 0]));
    return new Promise(() => {});
  },
  forge: () => {
    const text = '{"forged":true}';
    fs.writeSync(3, Buffer.from([9 + text.length, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6, 7, 8, ...Buffer.from(text)]));
    return new Promise(() => {});
  },
  close: () => {
    fs.closeSync(3);
    return new Promise(() => {});
  },
  memory: () => {
    const kept = [];
    for (;;) kept.push(Buffer.alloc(1 << 20, 1));
  },
};

function main(args) {
  return tasks[args.do](args);
}
