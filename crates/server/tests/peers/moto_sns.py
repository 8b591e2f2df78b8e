"""Amazon SNS as moto makes believe: a topic with our URL as its subscriber, and an alarm of CloudWatch that comes and goes.

usage: moto_sns.py URL
moto asks for no confirmation, and its signatures are made up.
"""

import json
import sys

import boto3
from moto.server import ThreadedMotoServer

(url,) = sys.argv[1:]
ARN = "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:High CPU"


def alarm(old, new, reason, at):
    trigger = {
        "MetricName": "CPUUtilization",
        "Namespace": "AWS/EC2",
        "Dimensions": [{"name": "InstanceId", "value": "i-0123456789abcdef0"}],
    }
    return {
        "AlarmName": "High CPU",
        "AlarmDescription": None,
        "AWSAccountId": "123456789012",
        "OldStateValue": old,
        "NewStateValue": new,
        "NewStateReason": reason,
        "StateChangeTime": f"2026-03-02T{at}.000+0000",
        "Region": "EU (Ireland)",
        "AlarmArn": ARN,
        "Trigger": trigger,
    }


server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
host, port = server.get_host_and_port()
sns = boto3.client(
    "sns",
    endpoint_url=f"http://{host}:{port}",
    region_name="eu-west-1",
    aws_access_key_id="test",
    aws_secret_access_key="test",
)
topic = sns.create_topic(Name="alarms")["TopicArn"]
sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=url)
for subject, message in (
    ("Hello", "Somebody tries the topic out"),
    ('ALARM: "High CPU" in EU (Ireland)', json.dumps(alarm("OK", "ALARM", "95.0 was greater than 90.0", "09:00:00"))),
    ('OK: "High CPU" in EU (Ireland)', json.dumps(alarm("ALARM", "OK", "12.0 was not greater than 90.0", "09:30:00"))),
):
    sns.publish(TopicArn=topic, Subject=subject, Message=message)
server.stop()
