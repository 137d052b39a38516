exports.main = ({ job, look }) => ({ message: `${job} was done at look ${look}` });
