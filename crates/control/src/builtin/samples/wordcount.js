// Counts the words of a text. What is written to the console is in the activation's logs.
function main({ payload }) {
  const count = String(payload).split(/\s+/).filter(Boolean).length;
  console.log(`${count} words`);
  return { count };
}
