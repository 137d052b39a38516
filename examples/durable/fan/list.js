exports.main = ({ n }) => ({ batch: Array.from({ length: n }, (_, number) => ({ number })) });
