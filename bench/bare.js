// The peer: a bare Node HTTP server that does what the echo function does, without a platform around it.
const http = require('http');

http
  .createServer((request, response) => {
    const chunks = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', () => {
      const parameters = JSON.parse(Buffer.concat(chunks).toString() || '{}');
      const body = JSON.stringify(parameters);
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) });
      response.end(body);
    });
  })
  .listen(Number(process.argv[2]), '127.0.0.1');
