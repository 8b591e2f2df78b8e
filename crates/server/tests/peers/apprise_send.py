"""Apprise, which sends to whatever there is: JSON, a form and XML to a generic webhook, and its own PagerDuty plugin.

usage: apprise_send.py HOST WEBHOOK_ID ROUTING_KEY
Prints one line of JSON: which notifications Apprise took for delivered.
"""

import json
import sys

import apprise
import apprise.plugins.pagerduty as pagerduty

host, webhook, key = sys.argv[1:]
pagerduty.PAGERDUTY_API_LOOKUP[pagerduty.PagerDutyRegion.US] = f"http://{host}/v2/enqueue"

said = {}


def notify(name, url, kind):
    sender = apprise.Apprise()
    assert sender.add(url), url
    title = f"Backup of db-1 by {name}"
    said[f"{name} {kind.value}"] = bool(sender.notify(title=title, body="The disk is full", notify_type=kind))


# A parameter with a minus before its name goes into the query string of the request.
for scheme in ("json", "form", "xml"):
    url = f"{scheme}://{host}/api/integrations/webhook?-integrationId={webhook}"
    for kind in (apprise.NotifyType.FAILURE, apprise.NotifyType.SUCCESS):
        notify(scheme, url, kind)
notify("pagerduty", f"pagerduty://{key}@opsknight/db-1/backup", apprise.NotifyType.WARNING)
print(json.dumps(said))
