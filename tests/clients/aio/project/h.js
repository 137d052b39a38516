function main({ n = 0, ...rest }) {
  console.log(`got ${n}`);
  return { n: Number(n) + 1, ...rest };
}
