exports.main = ({ results }) => ({ sum: results.reduce((sum, { square }) => sum + square, 0) });
