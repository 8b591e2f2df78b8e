"""Amazon SNS and SES as moto makes believe, for a user whose signatures are checked by AWS's own library for Python.

usage: aws.py SENDER
Prints one line of JSON, {"url", "key", "secret"}. For every line that it reads it prints one of what was sent so far,
{"texts", "mails"}; it ends with its input. SENDER is a verified address.
"""

import json
import sys
import urllib.request

import boto3
from moto import settings
from moto.core.authorization import ActionAuthenticatorMixin
from moto.server import ThreadedMotoServer

(sender,) = sys.argv[1:]
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
host, port = server.get_host_and_port()
url = f"http://{host}:{port}"
setup = {
    "endpoint_url": url,
    "region_name": "eu-west-1",
    "aws_access_key_id": "setup",
    "aws_secret_access_key": "setup",
}
boto3.client("ses", **setup).verify_email_identity(EmailAddress=sender)
boto3.client("sns", **setup).set_sms_attributes(attributes={"MonthlySpendLimit": "50"})
iam = boto3.client("iam", **setup)
iam.create_user(UserName="pager")
allowed = {"Effect": "Allow", "Action": ["sns:*", "ses:*"], "Resource": "*"}
policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
iam.put_user_policy(UserName="pager", PolicyName="send", PolicyDocument=policy)
key = iam.create_access_key(UserName="pager")["AccessKey"]
# From here on moto checks every signature and every permission.
settings.INITIAL_NO_AUTH_ACTION_COUNT = 0
ActionAuthenticatorMixin.request_count = 0
print(json.dumps({"url": url, "key": key["AccessKeyId"], "secret": key["SecretAccessKey"]}), flush=True)
for _ in sys.stdin:
    with urllib.request.urlopen(f"{url}/moto-api/data.json") as answer:
        data = json.load(answer)
    texts = data["sns"].get("SMS", [])
    mails = data["ses"].get("RawMessage", [])
    print(json.dumps({"texts": texts, "mails": mails}), flush=True)
server.stop()
