exports.main = ({ what, sold }) => {
  if (what === sold) return { error: `no ${what} is left` };
  return { booked: what };
};
