// An action that is not ready at once returns a promise.
function main({ name = 'world', wait = 100 }) {
  return new Promise((resolve) => setTimeout(() => resolve({ payload: `Hello, ${name}!` }), wait));
}
