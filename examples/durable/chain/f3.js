// Pairs become a sum.
exports.main = ({ pairs }) => ({ sum: pairs.reduce((sum, [, price]) => sum + Number(price), 0), count: pairs.length });
