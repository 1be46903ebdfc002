#!/usr/bin/env python3
"""A web application that does what its visitors say. For the demo only: never run it where others can reach it.

usage: vulnerable_app.py PORT       on 127.0.0.1; 0 picks a port, which is printed

GET /PATH       answers with the content of /PATH
POST /PATH      writes the form field `content` into /PATH
POST /exec      runs the form field `command` with sh, answers with its output
"""
import http.server
import subprocess
import sys
import urllib.parse


class App(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    wbufsize = 1 << 16  # one segment for an answer: else Nagle's algorithm waits 40 ms for the other half

    def answer(self, status, body):
        self.send_response(status)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        try:
            with open(urllib.parse.unquote(self.path), 'rb') as f:
                self.answer(200, f.read())
        except OSError as e:
            self.answer(404, f'{e}\n'.encode())

    def do_POST(self):
        form = urllib.parse.parse_qs(self.rfile.read(int(self.headers.get('Content-Length', 0))).decode())
        try:
            if self.path == '/exec':
                r = subprocess.run(['sh', '-c', form.get('command', [''])[0]], capture_output=True, timeout=10)
                self.answer(200, r.stdout + r.stderr)
            else:
                with open(urllib.parse.unquote(self.path), 'w') as f:
                    f.write(form.get('content', [''])[0])
                self.answer(200, b'written\n')
        except (OSError, subprocess.TimeoutExpired) as e:
            self.answer(500, f'{e}\n'.encode())

    def log_message(self, *arguments):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64


if __name__ == '__main__':
    server = Server(('127.0.0.1', int(sys.argv[1])), App)
    print(server.server_address[1], flush=True)
    server.serve_forever()
