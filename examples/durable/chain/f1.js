// An order becomes lines of text.
exports.main = ({ items }) => ({ lines: items.map((item) => `${item.name} ${item.price * item.count}`) });
