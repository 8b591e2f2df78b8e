"""Checks the signatures of a webhook with the reference library of Standard Webhooks, with Svix's, and with Python's HMAC.

Reads {"secret", "headers", "body"} as JSON from standard input and prints "verified". A body that was changed must not
verify.
"""

import hashlib
import hmac
import json
import sys

import svix.webhooks
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

asked = json.load(sys.stdin)
secret, headers, body = asked["secret"], asked["headers"], asked["body"]
webhook = Webhook(secret)
assert webhook.verify(body, headers) == json.loads(body)
try:
    webhook.verify(body + " ", headers)
    sys.exit("a changed body verifies")
except WebhookVerificationError:
    pass
theirs = svix.webhooks.Webhook(secret)
theirs.verify(body, headers)
try:
    theirs.verify(body + " ", headers)
    sys.exit("a changed body verifies")
except svix.webhooks.WebhookVerificationError:
    pass
plain = hmac.new(secret.encode(), body.encode(), hashlib.sha256).hexdigest()
assert headers["x-opsknight-signature"] == "sha256=" + plain, headers
print("verified")
