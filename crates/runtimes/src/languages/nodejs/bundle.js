// What ends the one file that the launcher's are put into: `parts` has each, and a part finds the others by its `require`.
const loaded = {};
function part(name) {
  if (!parts[name]) return require(name);
  if (!loaded[name]) {
    loaded[name] = { exports: {} };
    parts[name](loaded[name], part);
  }
  return loaded[name].exports;
}
part.cache = require.cache;
part('./launcher');
