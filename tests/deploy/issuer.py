"""The app's identity provider: signs tokens, and serves the keys with which the API's authorizer checks them."""

import base64
import json
import threading
import time
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

AUDIENCE = "sparks-app"
KEY_ID = "deploy-check"
LIFETIME_S = 3600


def encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def encoded_number(number: int) -> str:
    return encoded(number.to_bytes((number.bit_length() + 7) // 8, "big"))


def key_pair() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


class Issuer:
    """An OpenID Connect issuer on a free port."""

    def __init__(self, running: ExitStack):
        self.key = key_pair()
        numbers = self.key.public_key().public_numbers()
        keys = {"keys": [{"kty": "RSA", "use": "sig", "alg": "RS256", "kid": KEY_ID,
                          "n": encoded_number(numbers.n), "e": encoded_number(numbers.e)}]}

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):  # the name that the library calls
                found = pages.get(self.path)
                self.send_response(200 if found else 404)
                self.send_header("Content-Type", "application/json")
                self.end_headers()
                self.wfile.write(json.dumps(found or {}).encode())

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        pages = {
            "/.well-known/openid-configuration": {
                "issuer": self.url, "jwks_uri": f"{self.url}/.well-known/jwks.json"},
            "/.well-known/jwks.json": keys,
        }
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        running.callback(self.server.shutdown)

    def token(self, account: str, key: rsa.RSAPrivateKey | None = None, **claims) -> str:
        """Returns a token for an account; with another key, a forged one."""
        now = int(time.time())
        claims = {"iss": self.url, "aud": AUDIENCE, "sub": account, "iat": now,
                  "exp": now + LIFETIME_S, **claims}
        header = {"alg": "RS256", "typ": "JWT", "kid": KEY_ID}
        signed = ".".join(encoded(json.dumps(part).encode()) for part in (header, claims))
        signature = (key or self.key).sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{signed}.{encoded(signature)}"
