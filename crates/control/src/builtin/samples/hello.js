// The smallest action: returns an object.
function main() {
  return { payload: 'Hello, world!' };
}
