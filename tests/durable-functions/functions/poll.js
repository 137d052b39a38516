// Answers that there is no answer yet, twice.
exports.main = ({ n = '0', __ow_path, __ow_headers }) => {
  if (n === '2') return { statusCode: 200, body: 'there it is' };
  const location = `http://${__ow_headers.host}/api/v1/web/guest/default/poll?n=${Number(n) + 1}`;
  return { statusCode: 202, headers: { location, 'retry-after': '0' } };
};
