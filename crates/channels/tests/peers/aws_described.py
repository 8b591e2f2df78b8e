"""Holds parameters against the descriptions of AWS's services that come with AWS's own library for Python.

For every line {"service", "operation", "params"} that it reads it prints what is wrong with them, as a JSON text that is
empty where they are good.
"""

import json
import sys

from botocore.session import Session
from botocore.validate import ParamValidator

session = Session()
for line in sys.stdin:
    asked = json.loads(line)
    model = session.get_service_model(asked["service"]).operation_model(asked["operation"])
    report = ParamValidator().validate(asked["params"], model.input_shape)
    print(json.dumps(report.generate_report()), flush=True)
