// Splits a text; a separator in slashes is a regular expression.
function main({ payload = '', separator = '/\\r?\\n/' }) {
  const [, pattern] = /^\/(.*)\/$/.exec(separator) ?? [];
  return { lines: payload.split(pattern === undefined ? separator : new RegExp(pattern)), payload };
}
