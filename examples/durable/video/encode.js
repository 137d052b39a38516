// Stands for an encoder: bytes grow with the height of the picture.
exports.main = ({ chunk, height }) => ({ number: chunk.number, bytes: chunk.seconds * height * 100 });
