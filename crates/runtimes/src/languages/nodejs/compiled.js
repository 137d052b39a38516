'use strict';
// What V8 has compiled of the function's code, for its next instances: kept by the worker, which shows it here.
const fs = require('fs');
const Module = require('module');
const path = require('path');

const SHOWN = '/compiled';

// Before the code is loaded: reads what is there (`use`), or collects what will be compiled (`make`). Returns what
// hands the collected over.
module.exports = function compiled(how) {
  if (how === 'use') Module.enableCompileCache(SHOWN);
  if (how !== 'make') return () => '';
  const directory = fs.mkdtempSync('/tmp/.compiled-');
  Module.enableCompileCache(directory);
  return () => {
    Module.flushCompileCache();
    const files = {};
    for (const entry of fs.readdirSync(directory, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const file = path.join(entry.parentPath, entry.name);
      files[path.relative(directory, file)] = fs.readFileSync(file, 'base64');
    }
    fs.rmSync(directory, { recursive: true });
    return JSON.stringify(files);
  };
};
