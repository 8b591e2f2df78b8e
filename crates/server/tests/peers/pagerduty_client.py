"""PagerDuty's own Python client, with nothing but its base URL changed.

usage: pagerduty_client.py HTTPS_URL HTTP_URL ROUTING_KEY
Prints one line of JSON: what the clients gave back.
"""

import json
import sys

import pagerduty
import pdpyras

https, http, key = sys.argv[1:]
said = {}

client = pagerduty.EventsApiV2Client(key, base_url=https)
said["triggered"] = client.trigger(
    "High CPU usage on web-01 (95%)",
    "web-01",
    severity="critical",
    dedup_key="srv-web-01/high-cpu",
    custom_details={"cpu_percent": 95, "region": "us-east-1"},
    payload={"component": "cpu", "group": "web", "class": "load", "timestamp": "2026-06-01T12:00:00Z"},
    links=[{"href": "https://wiki.example.com/runbook", "text": "Runbook"}],
    images=[{"src": "https://graphs.example.com/cpu.png", "href": "https://graphs.example.com", "alt": "CPU"}],
)
said["acknowledged"] = client.acknowledge("srv-web-01/high-cpu")
said["resolved"] = client.resolve("srv-web-01/high-cpu")
said["chosen"] = client.trigger("No key was given", "cron-7")
client.resolve(said["chosen"])
changes = pagerduty.EventsApiV2Client(key, base_url=https)
changes.submit(
    "Deployed checkout 1.42",
    source="ci",
    timestamp="2026-06-01T12:00:00Z",
    custom_details={"build": 42},
    links=[{"href": "https://ci.example.com/42", "text": "Build"}],
)

old = pdpyras.EventsAPISession(key)
old.url = http
said["pdpyras"] = old.trigger("Disk is full", "db-01", severity="warning", dedup_key="db-01/disk")
old.acknowledge(said["pdpyras"])
old.resolve(said["pdpyras"])

try:
    pagerduty.EventsApiV2Client("0" * 32, base_url=https).trigger("Nobody's", "x")
    said["refused"] = None
except pagerduty.Error as error:
    said["refused"] = error.response.status_code if getattr(error, "response", None) is not None else str(error)

print(json.dumps(said))
