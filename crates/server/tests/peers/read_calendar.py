"""Fetches a calendar as a calendar program does and tells, as JSON, what the library `icalendar` reads in it."""

import json
import sys
import urllib.request

from icalendar import Calendar
from icalendar.parser import unescape_char

calendar = Calendar.from_ical(urllib.request.urlopen(sys.argv[1]).read())
events = list(calendar.walk("VEVENT"))
print(json.dumps({
    # The library does not know the type of names that are no part of the standard: it is text.
    "name": unescape_char(str(calendar["X-WR-CALNAME"])),
    "errors": [str(error) for item in [calendar, *events] for error in item.errors],
    "events": [
        {
            "uid": str(event["UID"]),
            "start": event["DTSTART"].dt.isoformat(),
            "end": event["DTEND"].dt.isoformat(),
            "summary": str(event["SUMMARY"]),
            "description": str(event["DESCRIPTION"]),
            "stamped": "DTSTAMP" in event,
        }
        for event in events
    ],
}))
