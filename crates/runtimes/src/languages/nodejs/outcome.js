'use strict';
// How a call of the function ends, as a frame's kind and text.
const { Kind } = require('./channel');
const stream = require('./stream');

const stringify = JSON.stringify;

// What JSON keeps of an error: its fields, with the four that are not enumerable; cycles are cut.
function serialise(error) {
  if (typeof error === 'function') return `[Function: ${error.name || 'anonymous'}]`;
  if (typeof error !== 'object' || error === null) return error;
  const copy = (from, above) => {
    const to = Array.isArray(from) ? [] : {};
    const below = [...above, from];
    for (const [key, value] of Object.entries(from)) {
      if (typeof value === 'function') continue;
      if (typeof value !== 'object' || value === null) to[key] = value;
      else if (typeof value.toJSON === 'function') to[key] = value;
      else to[key] = below.includes(value) ? '[Circular]' : copy(value, below);
    }
    for (const key of ['name', 'message', 'stack', 'code']) if (typeof from[key] === 'string') to[key] = from[key];
    return to;
  };
  return copy(error, []);
}

function resolved(result, done, pipe) {
  if (result === undefined) result = {};
  if (typeof result !== 'object') {
    console.error(`Result must be of type object but has type "${typeof result}":`, result);
    return done(Kind.FAILURE, 'The action did not return a dictionary.');
  }
  if (stream.isStream(result?.body)) {
    return stream.settle(result, pipe).then(
      (whole) => resolved(whole, done),
      (error) => rejected(error, done),
    );
  }
  let text;
  try {
    text = stringify(result);
  } catch (error) {
    console.error(error);
    return done(Kind.FAILURE, `An error has occurred: ${error}`);
  }
  if (text === undefined) return done(Kind.FAILURE, 'The action did not return a dictionary.');
  done(Kind.RESULT, text);
}

function rejected(error, done) {
  let text;
  try {
    text = stringify({ error: error ? serialise(error) : {} });
  } catch (unprintable) {
    text = stringify({ error: String(error) });
  }
  done(Kind.RESULT, text);
}

// Calls the function and tells `done` how it ended, at once if it did not return a promise. A body that is a stream goes
// to `pipe`, if there is one.
module.exports = function settle(main, value, done, pipe) {
  let result;
  try {
    result = main(value);
  } catch (error) {
    console.error(error);
    return done(Kind.FAILURE, `An error has occurred: ${String(error)}`);
  }
  if (typeof result?.then !== 'function') return resolved(result, done, pipe);
  Promise.resolve(result).then(
    (value) => resolved(value, done, pipe),
    (error) => rejected(error, done),
  );
};
