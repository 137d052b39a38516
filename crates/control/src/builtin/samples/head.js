// The first lines.
function main({ lines = [], num = 1 }) {
  return { lines: lines.slice(0, num), num };
}
