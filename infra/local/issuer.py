"""A token issuer on loopback: publishes its key, signs what it is asked to, wrongly too."""

import base64
import http.server
import json
import threading
import time

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

AUDIENCE = "laurel"
# As with issuers that name things their own way: the template's parameters say so.
SCOPE_PREFIX = "laurel/"
PARTNER_CLAIM = "https://laurel.example/partner"


def _encoded(number):
    return base64.urlsafe_b64encode(number.to_bytes((number.bit_length() + 7) // 8, "big")).rstrip(b"=").decode()


class Issuer:
    """Serves its key set until the process ends."""

    def __init__(self):
        self._key, self._other = (rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2))
        numbers = self._key.public_key().public_numbers()
        key = {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "one", "n": _encoded(numbers.n), "e": _encoded(numbers.e)}
        issuer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                answers = {
                    "/.well-known/openid-configuration": {"issuer": issuer.url, "jwks_uri": issuer.url + "/keys"},
                    "/keys": {"keys": [key]},
                }
                answer = answers.get(self.path)
                body = json.dumps(answer or {}).encode()
                self.send_response(200 if answer else 404)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, daemon=True).start()

    def token(self, partner=None, scope="read redeem", program="hr-software", forged=False, **claims):
        """A token; `forged` signs it with a key that is not published, claims replace the usual ones."""
        scopes = " ".join(SCOPE_PREFIX + word for word in scope.split())
        said = {"iss": self.url, "aud": AUDIENCE, "exp": int(time.time()) + 600, "program": program, "scope": scopes}
        said |= {PARTNER_CLAIM: partner} if partner else {}
        said |= claims
        return jwt.encode(said, self._other if forged else self._key, algorithm="RS256", headers={"kid": "one"})
