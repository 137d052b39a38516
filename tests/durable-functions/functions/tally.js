const df = require('durable-functions-2');

exports.main = df.entity((context) => {
  const value = context.df.getState(() => 0);
  if (context.df.operationName === 'add') context.df.setState(value + context.df.getInput());
  context.df.return(context.df.getState(() => 0));
});
