// Fails as often as is wanted, then says how often it was called.
let calls = 0;
exports.main = ({ fail }) => (++calls <= fail ? { error: `call ${calls}` } : { calls });
