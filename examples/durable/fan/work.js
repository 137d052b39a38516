exports.main = ({ number }) => ({ square: number * number });
