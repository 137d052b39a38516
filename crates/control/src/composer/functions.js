// Runs one function of a composition: `code` is an expression in which the variables can be read and assigned. What it
// assigns while it is called is kept, whether it returns or throws; what it returns is waited for.
function main({ code, params, variables }) {
  const names = Object.keys(variables);
  const read = names.map((name) => `var ${name} = arguments[1]['${name}'];`).join(' ');
  const write = names.map((name) => `arguments[1]['${name}'] = ${name};`).join(' ');
  const text = `(function () {
    try {
      const require = arguments[2]; ${read}
      return eval((function () { return (${code}) })())(arguments[0]);
    } finally { ${write} }
  })`;
  const plain = (value) => JSON.parse(JSON.stringify(value));
  const kept = {};
  const call = () => {
    try {
      return (0, eval)(text)(params, variables, require);
    } finally {
      for (const name of names) kept[name] = plain(variables[name]);
    }
  };
  const returned = (value) => {
    if (typeof value === 'function') return { callable: true };
    try {
      // One that returns nothing is called for what it does to its parameters.
      return { value: plain(value === undefined ? params : value) };
    } catch (error) {
      return { fatal: error.message };
    }
  };
  const threw = (error) => {
    console.error(error);
    return { threw: true };
  };
  return Promise.resolve()
    .then(call)
    .then(returned, threw)
    .then((end) => ({ ...end, variables: kept }));
}
