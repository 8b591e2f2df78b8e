"""Signs what providers of mail report back: Resend's webhooks with Svix's own library, SendGrid's with an elliptic key.

First it prints {"sendgrid_key"}, the public key as SendGrid shows it. For every line {"provider", "secret", "at", "body"}
that it reads it prints the headers of the signature.
"""

import base64
import datetime
import json
import sys

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from svix.webhooks import Webhook

key = ec.generate_private_key(ec.SECP256R1())
spki = serialization.PublicFormat.SubjectPublicKeyInfo
public = key.public_key().public_bytes(serialization.Encoding.DER, spki)
pem = key.public_key().public_bytes(serialization.Encoding.PEM, spki)
print(json.dumps({"sendgrid_key": base64.b64encode(public).decode(), "pem": pem.decode()}), flush=True)
for line in sys.stdin:
    asked = json.loads(line)
    at, body = asked["at"], asked["body"]
    if asked["provider"] == "sendgrid":
        signature = key.sign((str(at) + body).encode(), ec.ECDSA(hashes.SHA256()))
        headers = {
            "x-twilio-email-event-webhook-signature": base64.b64encode(signature).decode(),
            "x-twilio-email-event-webhook-timestamp": str(at),
        }
    else:
        when = datetime.datetime.fromtimestamp(at, datetime.timezone.utc)
        headers = {
            "svix-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
            "svix-timestamp": str(at),
            "svix-signature": Webhook(asked["secret"]).sign("msg_p5jXN8AQM9LWM0D4loKWxJek", when, body),
        }
    print(json.dumps(headers), flush=True)
