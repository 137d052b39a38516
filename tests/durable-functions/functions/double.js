exports.main = ({ n }) => ({ n: n * 2 });
