'use strict';

exports.greet = ({ greeting = 'hi', name = 'you' }) => {
  console.log(`greeting ${name}`);
  return { greeting: `${greeting}, ${name}` };
};

exports.seen = (event) => {
  console.log(`seen ${JSON.stringify(event)}`);
  return { seen: event };
};
