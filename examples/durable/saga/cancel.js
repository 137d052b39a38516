exports.main = ({ what }) => ({ cancelled: what });
