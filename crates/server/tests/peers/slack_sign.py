"""Signs a request as Slack does, with Slack's own signer.

Called with the app's signing secret and the time of signing; the body is on standard input. Prints the signature.
"""

import sys

from slack_sdk.signature import SignatureVerifier

secret, signed_at = sys.argv[1:]
print(SignatureVerifier(secret).generate_signature(timestamp=signed_at, body=sys.stdin.read()))
