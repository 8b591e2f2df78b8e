"""What Amazon SNS, Google and Microsoft Entra publish and sign, with the cryptography of a third party.

Prints its address. Serves a certificate, sets of keys and the confirmation of subscriptions as these clouds do, and on
/make/... signs what it is asked to:

  POST /make/envelope  an SNS envelope without its signature; answers it signed by its SignatureVersion
  POST /make/token     {"claims": {...}, "kid": "...", "alg": "..."}; answers {"token": "..."}
  POST /rotate         the key that signs tokens is replaced, the one before is no longer published
  POST /answer         {"status": 403}: how confirmations are answered from now on; 0 closes the line
  GET  /calls          the paths that were asked for
"""

import base64
import datetime
import json
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID


def new_key():
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def b64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def number(value):
    return b64url(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def certificate(key, days):
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    now = datetime.datetime.now(datetime.timezone.utc)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=30))
        .not_valid_after(now + datetime.timedelta(days=days))
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM)


SNS_KEY = new_key()
CERTIFICATES = {
    "/SimpleNotificationService-good.pem": certificate(SNS_KEY, 30),
    "/SimpleNotificationService-over.pem": certificate(SNS_KEY, -1),
    "/SimpleNotificationService-other.pem": certificate(new_key(), 30),
    "/SimpleNotificationService-none.pem": b"no certificate",
}
STATE = {"token_key": new_key(), "kid": "first", "answer": 200, "calls": []}
LOCK = threading.Lock()


def jwks():
    public = STATE["token_key"].public_key().public_numbers()
    other = {"kty": "EC", "kid": "curve", "crv": "P-256", "x": "AA", "y": "AA"}
    ours = {"kty": "RSA", "use": "sig", "kid": STATE["kid"], "n": number(public.n), "e": number(public.e)}
    return {"keys": [other, ours]}


def signed(envelope):
    # "Verifying the signatures of Amazon SNS messages": name and value, each on a line, in the order of the names.
    names = ["Message", "MessageId", "Subject", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"]
    left_out = {"Notification": {"SubscribeURL", "Token"}}.get(envelope["Type"], {"Subject"})
    text = "".join(f"{n}\n{envelope[n]}\n" for n in names if n not in left_out and envelope.get(n) is not None)
    digest = hashes.SHA1() if envelope["SignatureVersion"] == "1" else hashes.SHA256()
    signature = SNS_KEY.sign(text.encode(), padding.PKCS1v15(), digest)
    return {**envelope, "Signature": base64.b64encode(signature).decode()}


def token(asked):
    header = {"alg": asked.get("alg", "RS256"), "typ": "JWT", "kid": asked.get("kid", STATE["kid"])}
    text = b64url(json.dumps(header).encode()) + "." + b64url(json.dumps(asked["claims"]).encode())
    signature = STATE["token_key"].sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
    return {"token": text + "." + b64url(signature)}


class Handler(BaseHTTPRequestHandler):
    def answer(self, status, body, kind="application/json"):
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        parts = urllib.parse.urlsplit(self.path)
        if parts.path == "/calls":
            return self.answer(200, json.dumps(STATE["calls"]).encode())
        with LOCK:
            STATE["calls"].append(self.path)
        if parts.path in CERTIFICATES:
            return self.answer(200, CERTIFICATES[parts.path], "application/x-pem-file")
        if parts.path == "/oauth2/v3/certs" or parts.path.endswith("/discovery/v2.0/keys"):
            return self.answer(200, json.dumps(jwks()).encode())
        if parts.path == "/" and STATE["answer"] == 0:
            return self.connection.close()
        if parts.path == "/":
            return self.answer(STATE["answer"], b"<ConfirmSubscriptionResponse/>", "text/xml")
        return self.answer(404, b"{}")

    def do_POST(self):
        length = int(self.headers.get("content-length") or 0)
        body = json.loads(self.rfile.read(length) or b"{}")
        if self.path == "/make/envelope":
            return self.answer(200, json.dumps(signed(body)).encode())
        if self.path == "/make/token":
            return self.answer(200, json.dumps(token(body)).encode())
        if self.path == "/rotate":
            STATE.update(token_key=new_key(), kid="second")
        if self.path == "/answer":
            STATE["answer"] = body["status"]
        return self.answer(200, b"{}")

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(f"http://127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
