exports.main = ({ rate, slope, offset }) => ({ published: true, rate, model: `y = ${slope.toFixed(1)}x + ${offset.toFixed(1)}` });
