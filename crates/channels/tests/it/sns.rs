//! What Amazon SNS is asked, and what each of its answers leads to.

use std::sync::Arc;

use axum::{body::Body, response::Response};
use opsknight_channels::{
    AwsAccount, Channel as _, DeliveryError, Message, Receipt, Secret,
    sms::{
        sns::{SnsSms, SnsSmsSettings},
        text::render_one_way,
    },
};
use serde_json::{Value, json};
use url::Url;

use crate::{
    conformance::{Mood, Peer, Person, SECRETS},
    python::Script,
    samples::{hostile, note, now, page, resolved, storm},
    web_server::{Request, WebServer, answer},
};

const ID: &str = "567910cd-659e-55d4-8ccb-5aaf14679dc0";
const TO: &str = "+15555550100";

/// Amazon SNS, for the promises of all channels.
pub(crate) async fn peer(mood: Mood) -> impl Peer {
    let server = mood.server(|_| taken()).await;
    let mut settings = settings(&server);
    settings.account.secret_access_key = Secret::new(SECRETS[0]);
    settings.account.endpoint = Some(Url::parse(&server.url).unwrap());
    Person {
        channel: Arc::new(SnsSms::new(&settings, &mood.vendors()).unwrap()),
        to: TO,
        server,
        // A text message has no place for an identity.
        arrived: |_| Some(None),
        goes_by_status: false,
    }
}

fn settings(server: &WebServer) -> SnsSmsSettings {
    SnsSmsSettings {
        account: AwsAccount {
            region: "eu-west-1".into(),
            access_key_id: "AKIDEXAMPLE".into(),
            secret_access_key: Secret::new("secret-key-of-ours"),
            session_token: Some(Secret::new("session-token-of-ours")),
            endpoint: Some(server.base()),
        },
        sender_id: Some("OpsKnight".into()),
    }
}

fn taken() -> Response<Body> {
    let body = format!(
        "<PublishResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><PublishResult><MessageId>{ID}</MessageId>\
         </PublishResult><ResponseMetadata><RequestId>d74b8436</RequestId></ResponseMetadata></PublishResponse>"
    );
    answer(200, &[("content-type", "text/xml")], body)
}

async fn to(server: &WebServer, message: &Message) -> Result<Receipt, DeliveryError> {
    let channel = SnsSms::new(&settings(server), &Mood::Takes.vendors()).unwrap();
    channel.send(TO, message, now()).await
}

async fn asked(message: &Message) -> Request {
    let server = WebServer::start(taken).await;
    to(&server, message).await.unwrap();
    server.seen().remove(0)
}

fn kind(error: &DeliveryError) -> &'static str {
    match error {
        DeliveryError::Retry { .. } => "retry",
        DeliveryError::Refused { .. } => "refused",
        DeliveryError::Unknown { .. } => "unknown",
        DeliveryError::Misconfigured { field, .. } => field,
    }
}

fn pairs(request: &Request) -> Vec<(String, String)> {
    let url = Url::parse(&format!("http://form/?{}", request.body)).unwrap();
    url.query_pairs().into_owned().collect()
}

#[tokio::test]
async fn a_text_is_published_as_it_is_documented() {
    for message in [page(), resolved(), note(), hostile(), storm()] {
        let request = asked(&message).await;
        assert_eq!((request.method.as_str(), request.uri.path()), ("POST", "/"));
        let form = "application/x-www-form-urlencoded; charset=utf-8";
        assert_eq!(request.header("content-type"), Some(form));
        let proof = request.header("authorization").unwrap();
        let scope = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261123/eu-west-1/sns/aws4_request, ";
        assert!(proof.starts_with(scope), "{proof}");
        assert_eq!(request.header("x-amz-security-token"), Some("session-token-of-ours"));
        let said = render_one_way(&message);
        let expected = [
            ("Action", "Publish"),
            ("Version", "2010-03-31"),
            ("PhoneNumber", TO),
            ("Message", said.as_str()),
            ("MessageAttributes.entry.1.Name", "AWS.SNS.SMS.SMSType"),
            ("MessageAttributes.entry.1.Value.DataType", "String"),
            ("MessageAttributes.entry.1.Value.StringValue", "Transactional"),
            ("MessageAttributes.entry.2.Name", "AWS.SNS.SMS.SenderID"),
            ("MessageAttributes.entry.2.Value.DataType", "String"),
            ("MessageAttributes.entry.2.Value.StringValue", "OpsKnight"),
        ];
        let expected: Vec<_> = expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        assert_eq!(pairs(&request), expected);
    }
}

/// The form as the parameters that it stands for.
fn params(request: &Request) -> Value {
    let attribute = |n: u8| {
        let field = |name: &str| request.field(&format!("MessageAttributes.entry.{n}.{name}"));
        let value = json!({ "DataType": field("Value.DataType"), "StringValue": field("Value.StringValue") });
        (field("Name").unwrap(), value)
    };
    let attributes: serde_json::Map<String, Value> = [attribute(1), attribute(2)].into_iter().collect();
    json!({
        "PhoneNumber": request.field("PhoneNumber"),
        "Message": request.field("Message"),
        "MessageAttributes": attributes,
    })
}

#[tokio::test]
async fn each_text_is_what_aws_published() {
    let mut description = Script::start("aws_described.py", &[]);
    let mut judge = async |params: Value| {
        let asked = json!({ "service": "sns", "operation": "Publish", "params": params });
        description.ask(&asked).await.as_str().unwrap().to_owned()
    };
    for message in [page(), resolved(), note(), hostile(), storm()] {
        assert_eq!(judge(params(&asked(&message).await)).await, "");
    }
    let mut without = params(&asked(&page()).await);
    without.as_object_mut().unwrap().remove("Message");
    assert!(judge(without).await.contains("Message"));
    let mut untyped = params(&asked(&page()).await);
    untyped["MessageAttributes"]["AWS.SNS.SMS.SMSType"] = json!({ "StringValue": "Transactional" });
    assert!(judge(untyped).await.contains("DataType"));
}

fn refused(status: u16, code: &str, message: &str) -> Response<Body> {
    let body = format!(
        "<ErrorResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\">\n  <Error>\n    <Type>Sender</Type>\n    \
         <Code>{code}</Code>\n    <Message>{message}</Message>\n  </Error>\n  <RequestId>x</RequestId>\n</ErrorResponse>"
    );
    answer(status, &[("content-type", "text/xml"), ("retry-after", "5")], body)
}

const NUMBER_WORDS: &str = "Invalid parameter: PhoneNumber Reason: +15555550100 is not valid to publish to";

/// Status, code, words, and what is next.
const REFUSALS: &[(u16, &str, &str, &str)] = &[
    (400, "InvalidParameter", NUMBER_WORDS, "refused"),
    (
        400,
        "InvalidParameter",
        "Invalid parameter: SenderID",
        "AWS_SNS_SENDER_ID",
    ),
    (400, "OptedOut", "Phone number is opted out", "refused"),
    (400, "InvalidParameter", "+15555550100 is opted out", "refused"),
    (
        400,
        "UserError",
        "Destination is not verified, and the account is in the sandbox",
        "refused",
    ),
    (400, "Throttling", "Rate exceeded", "retry"),
    (429, "Throttled", "Rate exceeded", "retry"),
    (400, "ThrottlingException", "Rate exceeded", "retry"),
    (400, "KMSThrottling", "Rate exceeded", "retry"),
    (400, "Throttling", "SMS spending limit reached", "MonthlySpendLimit"),
    (
        400,
        "InvalidParameter",
        "No quota left for account",
        "MonthlySpendLimit",
    ),
    (
        403,
        "AuthorizationError",
        "is not authorized to perform: SNS:Publish",
        "AWS_ACCESS_KEY_ID",
    ),
    (
        403,
        "InvalidClientTokenId",
        "The security token is invalid",
        "AWS_ACCESS_KEY_ID",
    ),
    (
        403,
        "SignatureDoesNotMatch",
        "The request signature",
        "AWS_SECRET_ACCESS_KEY",
    ),
    (403, "SignatureDoesNotMatch", "Signature expired: 2026", "clock"),
    (
        403,
        "ExpiredToken",
        "The security token is expired",
        "AWS_SESSION_TOKEN",
    ),
    (
        400,
        "InvalidAction",
        "Could not find operation Publish",
        "AWS_ENDPOINT_URL",
    ),
    (500, "InternalError", "", "retry"),
    (503, "ServiceUnavailable", "", "retry"),
];

#[tokio::test]
async fn each_refusal_says_what_is_next() {
    for &(status, code, message, next) in REFUSALS {
        let server = WebServer::start(move || refused(status, code, message)).await;
        let error = to(&server, &page()).await.unwrap_err();
        assert_eq!(kind(&error), next, "{code} {message}: {error:?}");
        assert!(error.to_string().contains(code), "{error}");
        if let DeliveryError::Retry { after, .. } = error {
            assert_eq!(after.map(|after| after.as_secs()), Some(5));
        }
    }
    let long = format!(
        "<PublishResult><MessageId>{}</MessageId></PublishResult>",
        "7".repeat(5000)
    );
    let server = WebServer::start(move || answer(200, &[], long.clone())).await;
    assert_eq!(kind(&to(&server, &page()).await.unwrap_err()), "unknown");
    for (status, next) in [
        (200, "unknown"),
        (302, "base URL"),
        (403, "AWS_ACCESS_KEY_ID"),
        (404, "AWS_ENDPOINT_URL"),
        (429, "retry"),
        (502, "retry"),
    ] {
        let server = WebServer::start(move || answer(status, &[], "<html>")).await;
        let error = to(&server, &page()).await.unwrap_err();
        assert_eq!(kind(&error), next, "{status}: {error:?}");
    }
}

#[tokio::test]
async fn what_was_taken_has_the_identity_of_sns() {
    let server = WebServer::start(taken).await;
    let receipt = to(&server, &page()).await.unwrap();
    assert_eq!(receipt, Receipt::of(format!("200 OK: {ID}")).with_id(ID));
    let channel = SnsSms::new(&settings(&server), &Mood::Takes.vendors()).unwrap();
    for wrong in ["", "5555550100", "+1 555 555 0100", "jane"] {
        let outcome = channel.send(wrong, &page(), now()).await;
        assert!(
            matches!(outcome, Err(DeliveryError::Refused { .. })),
            "{wrong}: {outcome:?}"
        );
    }
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn a_check_tells_of_the_sandbox() {
    let check = async |attributes: fn() -> Response<Body>, sandbox: &'static str| {
        let server = WebServer::asked(move |request| match request.field("Action").as_deref() {
            None => answer(404, &[("date", "Mon, 23 Nov 2026 03:10:05 GMT")], ""),
            Some("GetSMSAttributes") => attributes(),
            Some(_) => answer(200, &[], format!("<R><IsInSandbox>{sandbox}</IsInSandbox></R>")),
        })
        .await;
        SnsSms::new(&settings(&server), &Mood::Takes.vendors())
            .unwrap()
            .check()
            .await
    };
    let good = || {
        answer(
            200,
            &[],
            "<R><GetSMSAttributesResult><attributes/></GetSMSAttributesResult></R>",
        )
    };
    let boxed = check(good, "true").await.unwrap();
    assert_eq!(
        boxed,
        "Amazon SNS in eu-west-1 is in the SMS sandbox: it sends to verified numbers only."
    );
    assert_eq!(
        check(good, "false").await.unwrap(),
        "Amazon SNS in eu-west-1 sends to every number."
    );
    assert!(check(good, "?").await.unwrap().ends_with("it does not tell."));
    let denied = check(|| refused(403, "AuthorizationError", "not authorized"), "")
        .await
        .unwrap();
    assert!(denied.starts_with("AWS knows the key."), "{denied}");
    let unknown = check(|| refused(403, "InvalidClientTokenId", "invalid"), "")
        .await
        .unwrap_err();
    assert_eq!(kind(&unknown), "AWS_ACCESS_KEY_ID");
    assert!(check(|| answer(200, &[], "<html>"), "").await.is_err());
}
