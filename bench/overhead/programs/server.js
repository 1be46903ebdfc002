// A small HTTP server: the same text to each request. usage: node server.js PORT
const http = require('http');
const body = 'x'.repeat(1024);
http.createServer((request, response) => response.end(body)).listen(Number(process.argv[2]), '127.0.0.1');
