"""Endpoints of other people for tests: real servers on ports of their own that remember what came and answer as they are told."""

import http.server
import socketserver
import threading
import time
import urllib.parse


class Came:
    def __init__(self, path, headers, body):
        self.path, self.headers, self.body, self.at = path, headers, body, time.time()

    def query(self):
        return dict(urllib.parse.parse_qsl(urllib.parse.urlparse(self.path).query))


class HttpEndpoint:
    """`answers`: what it says in turn, then 200 for ever: a status, or (status, headers, body), or "reset", or "hang"."""

    def __init__(self, *answers):
        endpoint = self
        self.came, self.answers, self.lock = [], list(answers), threading.Lock()
        self.released = threading.Event()

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True  # its answers leave in two pieces

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with endpoint.lock:
                    endpoint.came.append(Came(self.path, self.headers, body))
                    answer = endpoint.answers.pop(0) if endpoint.answers else 200
                if answer == "reset":
                    self.connection.close()
                    self.close_connection = True
                    return
                if answer == "hang":
                    endpoint.released.wait()
                    self.close_connection = True
                    return
                status, headers, text = answer if isinstance(answer, tuple) else (answer, {}, b"{}")
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None  # who sends may hang up
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def all(self):
        with self.lock:
            return list(self.came)

    def close(self):
        self.released.set()
        self.server.shutdown()
        self.server.server_close()


class MailEndpoint:
    """A mail server (RFC 5321) that takes everything."""

    def __init__(self):
        endpoint = self
        self.came, self.lock = [], threading.Lock()

        class Handler(socketserver.StreamRequestHandler):
            def say(self, line):
                self.wfile.write(line.encode() + b"\r\n")

            def handle(self):
                self.say("220 test")
                sender, recipients = None, []
                for raw in self.rfile:
                    line = raw.decode().strip()
                    verb = line[:4].upper()
                    if verb in ("EHLO", "HELO"):
                        self.say("250 test")
                    elif verb == "MAIL":
                        sender = line.split("<")[1].split(">")[0]
                        self.say("250 good")
                    elif verb == "RCPT":
                        recipients.append(line.split("<")[1].split(">")[0])
                        self.say("250 good")
                    elif verb == "DATA":
                        self.say("354 go on")
                        lines = []
                        for data in self.rfile:
                            if data == b".\r\n":
                                break
                            lines.append(data[1:] if data.startswith(b"..") else data)
                        with endpoint.lock:
                            endpoint.came.append((sender, list(recipients), b"".join(lines)))
                        self.say("250 taken")
                    elif verb == "QUIT":
                        self.say("221 bye")
                        return
                    else:
                        self.say("502 what?")

        self.server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"smtp://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def all(self):
        with self.lock:
            return list(self.came)

    def close(self):
        self.server.shutdown()
        self.server.server_close()
