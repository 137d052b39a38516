// Writes what it receives to the log, a line for each parameter.
function main(params) {
  for (const [name, value] of Object.entries(params)) console.log(`${name}: ${JSON.stringify(value)}`);
  return params;
}
