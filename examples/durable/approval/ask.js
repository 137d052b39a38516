// Where a real one would send a message.
exports.main = ({ who, what }) => {
  console.log(`${who}: may we ${what}?`);
  return { asked: who };
};
