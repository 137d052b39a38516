// Ten seconds a chunk.
exports.main = ({ seconds }) => {
  const count = Math.ceil(seconds / 10);
  return { chunks: Array.from({ length: count }, (_, number) => ({ number, seconds: Math.min(10, seconds - number * 10) })) };
};
