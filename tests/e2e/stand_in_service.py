"""A service in outline: it answers that it is ready, and ends on SIGTERM."""

import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Readiness(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()


ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Readiness).serve_forever()
