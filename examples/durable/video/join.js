exports.main = ({ height, pieces }) => ({
  name: `${height}p.mp4`,
  bytes: pieces.sort((a, b) => a.number - b.number).reduce((sum, piece) => sum + piece.bytes, 0),
});
