"""What Monit runs when a check fails or succeeds again: it tells the Events API, with what Monit says in the environment.

usage: monit_hook.py ACTION SERVER KEY
"""

import json
import os
import sys
import urllib.request

action, server, key = sys.argv[1:]
said = {name: os.environ[f"MONIT_{name}"] for name in ("HOST", "SERVICE", "EVENT", "DESCRIPTION", "DATE")}
event = {
    "event_action": action,
    "dedup_key": f"monit/{said['SERVICE']}",
    "payload": {
        "summary": f"{said['SERVICE']}: {said['DESCRIPTION']}",
        "source": said["HOST"],
        "severity": "critical",
        "custom_details": {"event": said["EVENT"], "date": said["DATE"]},
    },
}
headers = {"Content-Type": "application/json", "Authorization": f"Token token={key}"}
request = urllib.request.Request(f"{server}/api/events", json.dumps(event).encode(), headers)
urllib.request.urlopen(request, timeout=10)
