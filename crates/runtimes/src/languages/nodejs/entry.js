'use strict';
// Finds the function that an action's code offers.
const Module = require('module');
const fs = require('fs');
const path = require('path');
const durable = require('./durable');

const ROOT = '/action';
// Such a name may be looked up in the code's own scope; any other can only be an export. (Unicode's own classes of
// letters cost more than half a millisecond at first use.)
const IDENTIFIERS = /^[A-Za-z_$\u00aa-\uffff][\w$\u00aa-\uffff]*(\.[A-Za-z_$\u00aa-\uffff][\w$\u00aa-\uffff]*)*$/;

function assertFunction(main, name) {
  if (typeof main !== 'function') throw `Action entrypoint '${name}' is not a function.`;
  return main;
}

// The value at a dotted path; a default export stands in for what the module itself does not export.
function property(exported, dotted) {
  const walk = (from) => dotted.split('.').reduce((value, key) => (value == null ? undefined : value[key]), from);
  return walk(exported) ?? walk(exported?.default);
}

// Code given as text: a top-level function of that name, else an export.
function fromText(code, name) {
  const file = path.join(ROOT, 'index.js');
  const module = new Module(file, null);
  module.filename = file;
  module.paths = Module._nodeModulePaths(ROOT);
  let found;
  module.entry = (find) => {
    try {
      found = find();
    } catch (error) {
      if (!(error instanceof ReferenceError)) throw error;
    }
  };
  try {
    module._compile(IDENTIFIERS.test(name) ? `${code}\n;module.entry(() => ${name});` : code, file);
  } catch (error) {
    // Of code that ends too early, the message would show our line.
    if (error instanceof SyntaxError) new (require('vm').Script)(Module.wrap(code), { filename: file });
    throw error;
  }
  return found === undefined ? property(module.exports, name) : found;
}

// `file.function` names a file of the archive; anything else is looked up in the package itself.
function split(name) {
  const dot = name.lastIndexOf('.');
  if (dot > 0) {
    const file = path.join(ROOT, name.slice(0, dot));
    for (const suffix of ['', '.js', '.cjs', '.mjs', '.json']) {
      if (fs.statSync(file + suffix, { throwIfNoEntry: false })?.isFile()) return [file + suffix, name.slice(dot + 1)];
    }
  }
  return [undefined, name];
}

async function fromDirectory(name) {
  process.chdir(ROOT);
  const [file, dotted] = split(name);
  if (!file && !fs.existsSync('package.json') && !fs.existsSync('index.js')) {
    throw 'Zipped actions must contain either package.json or index.js at the root.';
  }
  const require = Module.createRequire(path.join(ROOT, 'index.js'));
  const target = require.resolve(file ?? ROOT);
  let exported;
  try {
    exported = require(target);
  } catch (error) {
    if (error?.code !== 'ERR_REQUIRE_ESM' && error?.code !== 'ERR_REQUIRE_ASYNC_MODULE') throw error;
    exported = await import(require('url').pathToFileURL(target).href);
  }
  return property(exported, dotted);
}

// The entry point of an action whose code is text or, when there is none, the directory /action.
module.exports = async function load(code, name) {
  durable.offer();
  const main = code === null ? await fromDirectory(name) : fromText(code, name);
  return assertFunction(durable.adopt(main), name);
};
