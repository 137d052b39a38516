// Runs a client's command line in a home and a project folder of its own, with nothing of this machine's environment.
'use strict';

const { spawn } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');

/** The longest that one command may take, in milliseconds. */
const LONGEST = 180_000;

/**
 * A client: `script` below its node_modules, run in a copy of `project` with `environment` beside HOME and PATH.
 * What it returns runs one command and resolves with what it printed, or rejects with that.
 */
exports.client = (script, project, environment) => {
  const modules = process.env.WISP_CLIENT;
  const home = fs.mkdtempSync(path.join(os.tmpdir(), 'wisp-client-'));
  process.on('exit', () => fs.rmSync(home, { recursive: true, force: true }));
  const folder = path.join(home, 'project');
  fs.cpSync(project, folder, { recursive: true });
  // Beside the project, where Node finds it and no archive takes it along.
  fs.symlinkSync(modules, path.join(home, 'node_modules'));
  const env = { PATH: process.env.PATH, HOME: home, XDG_CONFIG_HOME: path.join(home, '.config'), CI: '1', ...environment };
  const run = (...words) =>
    new Promise((resolve, reject) => {
      const child = spawn(process.execPath, [path.join(modules, '.bin', script), ...words], {
        cwd: folder,
        env,
        timeout: LONGEST,
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      let [out, all] = ['', ''];
      child.stdout.on('data', (data) => { out += data; all += data; });
      child.stderr.on('data', (data) => { all += data; });
      child.on('error', reject);
      child.on('close', (code) =>
        code === 0 ? resolve(out) : reject(new Error(`${script} ${words.join(' ')} ended with ${code}:\n${all}`)));
    });
  return { run, home, folder };
};

/** Tries until the promise is fulfilled; the last rejection otherwise. */
exports.eventually = async (attempt, tries = 100) => {
  for (let left = tries; ; left--) {
    try {
      return await attempt();
    } catch (error) {
      if (left === 0) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
};
