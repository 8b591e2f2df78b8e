//! AWS CloudWatch's alarms: through SNS as it delivers to a URL, as raw messages, and in EventBridge's form.
//!
//! It owns what an alarm says; the envelope of SNS, its signed text and which of its addresses may be trusted stand in
//! [`sns`], which never fetches anything itself. Facts are from docs.aws.amazon.com: "Parsing Amazon SNS message formats",
//! "Notify users on alarm changes" (CloudWatch) and "CloudWatch alarm events and EventBridge".
//!
//! A lack of data is no end of an alarm, and after an OK no beginning of one either.

use jiff::Timestamp;
use opsknight_domain::event::{Action, Event, Normalised, Severity, clean};
use serde_json::{Value, json};

use crate::{
    Category, ParseError, Request, Source,
    guide::Facts,
    hash_hex, header_delivery_id, json,
    mapping::FieldMapping,
    normalise::{ignored, short},
    pick,
    proof::Proof,
    setup::{Sample, Setup, Snippet},
    signature::SignatureSupport,
};

mod alarm;
pub mod certificate;
pub mod sns;

/// AWS CloudWatch.
#[derive(Debug)]
pub(crate) struct CloudWatch;

impl Source for CloudWatch {
    fn slug(&self) -> &'static str {
        "cloudwatch"
    }

    fn type_name(&self) -> &'static str {
        "CLOUDWATCH"
    }

    fn title(&self) -> &'static str {
        "AWS CloudWatch"
    }

    fn tagline(&self) -> &'static str {
        "CloudWatch alarms through an SNS topic"
    }

    fn category(&self) -> Category {
        Category::Cloud
    }

    /// SNS sends JSON as `text/plain`. With raw message delivery the body is the message itself, which need not be JSON.
    fn parse(&self, request: &Request<'_>, _mapping: Option<&FieldMapping>) -> Result<Vec<Normalised>, ParseError> {
        let body = match json::parse(request.body) {
            Ok(body) => body,
            Err(_) if is_raw(request) => {
                return Ok(vec![text_message(&String::from_utf8_lossy(request.body), None, None)]);
            }
            Err(error) => return Err(error),
        };
        let outcome = match sns::Envelope::read(&body) {
            Some(envelope) => from_envelope(&envelope),
            None => message(pick::object(body)?, None)?,
        };
        Ok(vec![outcome])
    }

    fn signature(&self) -> SignatureSupport {
        SignatureSupport::Generic {
            note: "SNS signs with a key of Amazon's own, which is checked without a secret. Leave it empty, unless \
                   something of yours in between signs.",
        }
    }

    fn proof(&self, request: &Request<'_>) -> Proof {
        let body = json::parse(request.body).ok();
        match body.as_ref().and_then(sns::Envelope::read) {
            Some(envelope) => Proof::Sns(Box::new(envelope)),
            None => Proof::RawSns {
                topic_arn: request.header("x-amz-sns-topic-arn").map(str::to_owned),
            },
        }
    }

    fn comes_through_sns(&self) -> bool {
        true
    }

    /// `MessageId`, which SNS keeps when it tries again; it stands in a header too.
    fn delivery_id(&self, request: &Request<'_>) -> Option<String> {
        header_delivery_id(request, &["x-amz-sns-message-id", "webhook-id"])
            .or_else(|| pick::delivery_id(request, &["/MessageId"]))
    }

    fn facts(&self) -> Facts {
        Facts {
            forms: &[
                "SNS notifications with a metric alarm (`Trigger`) or a composite one (`AlarmRule`)",
                "the same with raw message delivery",
                "EventBridge's `CloudWatch Alarm State Change`, of an alarm or one contributor to it, through SNS or by itself",
                "text that somebody publishes to the topic",
            ],
            triggers: "the state ALARM; INSUFFICIENT_DATA where the state before was not OK",
            acknowledges: "",
            resolves: "the state OK",
            ignores: "INSUFFICIENT_DATA after OK, changes of an alarm's configuration, confirmations of a subscription (which are answered) and of its end, and \
                      messages that are no alarm",
            tests: "text that is no JSON, published to see whether it arrives",
            severity: "by the word after `severity`, `priority` or `sev` in the description, else by a word such as critical, \
                       warning or P2 that stands alone in the name or the description; INSUFFICIENT_DATA is a warning; \
                       otherwise error",
            key: "`cloudwatch:` and the alarm's ARN, and the contributor's id where one alarm watches many things",
            ordered_by: "`StateChangeTime`, in EventBridge's form `detail.state.timestamp`",
            delivery: "`MessageId` of SNS",
        }
    }

    fn setup(&self) -> Setup {
        Setup {
            steps: &[
                "In Amazon SNS, create a standard topic, or take the one that your alarms notify already.",
                "Create a subscription to it: protocol HTTPS, and the URL below as the endpoint. Leave raw message \
                 delivery off, so that messages are signed. The subscription is confirmed by itself, and the topic is pinned: for \
                 more than one, list their ARNs under Topics here before you subscribe them.",
                "In CloudWatch, open your alarms and let them notify the topic for both states: In alarm and OK.",
                "Write a severity into the description of an alarm, such as \"severity: critical\". Without one it is \
                 an error.",
            ],
            snippets: SNIPPETS,
            vendor_docs: Some("https://docs.aws.amazon.com/sns/latest/dg/sns-http-https-endpoint-as-subscriber.html"),
        }
    }

    fn sample(&self, now: Timestamp) -> Sample {
        let alarm = json!({
            "AlarmName": "OpsKnightTest",
            "AlarmDescription": "Somebody is trying out this integration. Nothing is wrong. severity: info",
            "AWSAccountId": "123456789012",
            "NewStateValue": "ALARM",
            "NewStateReason": "Threshold Crossed: 1 datapoint was greater than the threshold.",
            "StateChangeTime": now.to_string(),
            "Region": "EU (Ireland)",
            "AlarmArn": "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:OpsKnightTest",
            "OldStateValue": "OK",
            "Trigger": {"MetricName": "CPUUtilization", "Namespace": "AWS/EC2", "Dimensions": []}
        });
        let mut sample = Sample::json(&json!({
            "Type": "Notification",
            "MessageId": hash_hex([now.to_string().as_str()]),
            "TopicArn": "arn:aws:sns:eu-west-1:123456789012:opsknight",
            "Subject": "ALARM: \"OpsKnightTest\" in EU (Ireland)",
            "Message": alarm.to_string(),
            "Timestamp": now.to_string(),
            "SignatureVersion": "1",
            "Signature": "",
            "SigningCertURL": ""
        }));
        sample.content_type = "text/plain; charset=UTF-8";
        sample
    }
}

/// The subscription and an alarm, in Amazon's own client and in Terraform.
const SNIPPETS: &[Snippet] = &[
    Snippet {
        name: "aws, Amazon's client",
        language: "shell",
        template: "TOPIC=$(aws sns create-topic --name opsknight --query TopicArn --output text)\naws sns subscribe --topic-arn \"$TOPIC\" --protocol https --notification-endpoint '{url}'\naws cloudwatch put-metric-alarm --alarm-name cpu-web-01 --alarm-description 'severity: critical' \\\n  --namespace AWS/EC2 --metric-name CPUUtilization --dimensions Name=InstanceId,Value=i-0123456789 \\\n  --statistic Average --period 60 --evaluation-periods 5 --threshold 90 \\\n  --comparison-operator GreaterThanThreshold --alarm-actions \"$TOPIC\" --ok-actions \"$TOPIC\"\n",
    },
    Snippet {
        name: "Terraform",
        language: "hcl",
        template: "resource \"aws_sns_topic\" \"opsknight\" {\n  name = \"opsknight\"\n}\n\nresource \"aws_sns_topic_subscription\" \"opsknight\" {\n  topic_arn              = aws_sns_topic.opsknight.arn\n  protocol               = \"https\"\n  endpoint               = \"{url}\"\n  endpoint_auto_confirms = true\n}\n",
    },
];

/// Whether SNS says that it sends messages without their envelope.
fn is_raw(request: &Request<'_>) -> bool {
    request
        .header("x-amz-sns-rawdelivery")
        .is_some_and(|value| value.eq_ignore_ascii_case("true"))
}

/// What an envelope holds. The handshake is the caller's: it needs the network.
fn from_envelope(envelope: &sns::Envelope) -> Normalised {
    match envelope.kind {
        sns::Kind::Notification => {}
        sns::Kind::SubscriptionConfirmation => {
            let topic = &envelope.topic_arn;
            return ignored(
                None,
                format!("The topic {topic} asks to be confirmed: its SubscribeURL has to be called."),
            );
        }
        sns::Kind::UnsubscribeConfirmation => {
            let topic = &envelope.topic_arn;
            return ignored(
                None,
                format!("The topic {topic} will send no more: it was unsubscribed."),
            );
        }
    }
    let text = &envelope.message;
    match json::parse(text.as_bytes()) {
        Ok(alarm @ Value::Object(_)) => {
            message(alarm, Some(envelope)).unwrap_or_else(|error| ignored(None, format!("The message {error}.")))
        }
        _ => text_message(text, envelope.subject.as_deref(), Some(envelope)),
    }
}

/// A message that is no JSON: somebody published it by hand to see whether it arrives.
fn text_message(text: &str, subject: Option<&str>, envelope: Option<&sns::Envelope>) -> Normalised {
    let line = subject.unwrap_or(text);
    let line = if clean(line, 1).is_empty() {
        "An empty message"
    } else {
        line
    };
    let topic = envelope.map(|envelope| envelope.topic_arn.as_str()).unwrap_or_default();
    let key = format!("cloudwatch:message:{}", hash_hex([topic, line]));
    let mut event = Event::new(Action::Trigger, key, Severity::Info, line);
    event.is_test = true;
    event.source = short(Some(topic.into()));
    event.class = Some("sns_message".to_owned());
    event.occurred_at = envelope.and_then(sns::Envelope::sent_at);
    event.details = json!({"message": clean(text, opsknight_domain::event::DESCRIPTION_CHARS_MAX)});
    Normalised::Event(Box::new(event))
}

/// A message that is an object: CloudWatch's own form or EventBridge's.
fn message(body: Value, envelope: Option<&sns::Envelope>) -> Result<Normalised, ParseError> {
    if json::field(&body, "AlarmName").is_some() {
        return alarm::classic(body, envelope);
    }
    // "CloudWatch Alarm Configuration Change" tells that somebody made, edited or deleted the alarm, and only beside that in
    // which state it is ("CloudWatch alarm events and EventBridge").
    let is_edited = pick::word(&body, "/detail-type").is_some_and(|kind| kind.contains("configuration change"));
    if body.pointer("/detail/alarmName").is_some() && !is_edited {
        return alarm::event_bridge(body);
    }
    if is_edited {
        return Ok(ignored(None, "The alarm's configuration was changed, not its state."));
    }
    let kind = pick::first(&body, &["/detail-type", "/source", "/Event", "/Type"]);
    let kind = kind.map(|kind| format!(" ({})", clean(&kind, 100))).unwrap_or_default();
    Ok(ignored(None, format!("It is no alarm of CloudWatch{kind}.")))
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue, Method};

    use super::*;

    fn parse(raw: bool, body: &[u8]) -> Result<Normalised, ParseError> {
        let mut headers = HeaderMap::new();
        headers.insert("content-type", HeaderValue::from_static("text/plain; charset=UTF-8"));
        if raw {
            headers.insert("x-amz-sns-rawdelivery", HeaderValue::from_static("true"));
            headers.insert("x-amz-sns-message-id", HeaderValue::from_static("id-1"));
        }
        let request = Request {
            method: &Method::POST,
            query: "",
            headers: &headers,
            body,
        };
        if raw {
            assert_eq!(CloudWatch.delivery_id(&request), Some("id-1".into()));
        }
        CloudWatch.parse(&request, None).map(|mut all| all.remove(0))
    }

    #[test]
    fn raw_messages_need_no_envelope() {
        let alarm = br#"{"AlarmName":"a","NewStateValue":"ALARM","AlarmArn":"arn:aws:cloudwatch:eu-west-1:1:alarm:a"}"#;
        let Ok(Normalised::Event(event)) = parse(true, alarm) else {
            panic!("an event")
        };
        assert_eq!((event.action, event.is_test), (Action::Trigger, false));
        let Ok(Normalised::Event(event)) = parse(true, b"hello") else {
            panic!("an event")
        };
        assert!(event.is_test);
        assert_eq!(parse(false, b"hello").map_err(|error| error.field), Err("body".into()));
    }

    #[test]
    fn other_messages_of_a_topic_are_ignored() {
        for body in [
            &br#"{"source":"aws.health","detail-type":"AWS Health Event","detail":{}}"#[..],
            br#"{"Type":"Notification","TopicArn":"t","MessageId":"m","Message":"{\"Event\":\"autoscaling:EC2_INSTANCE_LAUNCH\"}"}"#,
        ] {
            assert!(matches!(parse(false, body), Ok(Normalised::Ignored { .. })));
        }
    }

    #[test]
    fn deliveries_have_the_id_of_the_message() {
        let headers = HeaderMap::new();
        let body = br#"{"Type":"Notification","MessageId":"m-7"}"#;
        let request = Request {
            method: &Method::POST,
            query: "",
            headers: &headers,
            body,
        };
        assert_eq!(CloudWatch.delivery_id(&request), Some("m-7".into()));
    }
}
