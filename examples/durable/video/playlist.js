exports.main = ({ files }) => ({ playlist: files.map(({ name, bytes }) => `${name} ${bytes}`) });
