//! What Amazon SES is asked, and what each of its answers leads to.

use std::sync::Arc;

use axum::{body::Body, response::Response};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use opsknight_channels::{
    AwsAccount, Channel as _, DeliveryError, Message, Receipt, Secret,
    email::{Ses, SesSettings},
};
use serde_json::{Value, json};
use url::Url;

use crate::{
    conformance::{Mood, Peer, Person, SECRETS},
    python::Script,
    samples::{hostile, note, now, page, resolved, storm},
    web_server::{Request, WebServer, answer},
};

const ID: &str = "010201936b1c9c7a-1b2c3d4e-0000-000000";

/// Amazon SES, for the promises of all channels.
pub(crate) async fn peer(mood: Mood) -> impl Peer {
    let server = mood.server(|_| taken()).await;
    let mut settings = settings(&server);
    settings.account.secret_access_key = Secret::new(SECRETS[0]);
    settings.account.endpoint = Some(Url::parse(&server.url).unwrap());
    Person {
        channel: Arc::new(Ses::new(&settings, &mood.vendors()).unwrap()),
        to: "jane@example.com",
        server,
        arrived: |request| Some(request.json()["EmailTags"][0]["Value"].as_str().map(Into::into)),
        goes_by_status: false,
    }
}

fn settings(server: &WebServer) -> SesSettings {
    SesSettings {
        account: AwsAccount {
            region: "eu-west-1".into(),
            access_key_id: "AKIDEXAMPLE".into(),
            secret_access_key: Secret::new("secret-key-of-ours"),
            session_token: None,
            endpoint: Some(server.base()),
        },
        from: "Paging <noreply@opsknight.example.com>".into(),
    }
}

fn taken() -> Response<Body> {
    answer(200, &[], json!({ "MessageId": ID }).to_string())
}

async fn to(server: &WebServer, message: &Message) -> Result<Receipt, DeliveryError> {
    let channel = Ses::new(&settings(server), &Mood::Takes.vendors()).unwrap();
    channel.send("jane@example.com", message, now()).await
}

async fn asked(message: &Message) -> Request {
    let server = WebServer::start(taken).await;
    to(&server, message).await.unwrap();
    server.seen().remove(0)
}

fn mail_in(body: &Value) -> String {
    let data = body["Content"]["Raw"]["Data"].as_str().unwrap();
    String::from_utf8(STANDARD.decode(data).unwrap()).unwrap()
}

fn kind(error: &DeliveryError) -> &'static str {
    match error {
        DeliveryError::Retry { .. } => "retry",
        DeliveryError::Refused { .. } => "refused",
        DeliveryError::Unknown { .. } => "unknown",
        DeliveryError::Misconfigured { field, .. } => field,
    }
}

#[tokio::test]
async fn a_mail_is_asked_for_as_it_is_documented() {
    for (name, message) in [("page", page()), ("resolved", resolved()), ("note", note())] {
        let request = asked(&message).await;
        assert_eq!(
            (request.method.as_str(), request.uri.path()),
            ("POST", "/v2/email/outbound-emails")
        );
        assert_eq!(request.header("content-type"), Some("application/json"));
        let proof = request.header("authorization").unwrap();
        let scope = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261123/eu-west-1/ses/aws4_request, ";
        assert!(proof.starts_with(scope), "{proof}");
        let mut body = request.json();
        let mail = mail_in(&body);
        let head = mail.split("\r\n\r\n").next().unwrap().replace("\r\n", "\n");
        body["Content"]["Raw"]["Data"] = "…".into();
        insta::assert_snapshot!(format!("ses_{name}"), format!("{body:#}\n\n{head}"));
    }
    for message in [hostile(), storm()] {
        let mail = mail_in(&asked(&message).await.json());
        let head = mail.split("\r\n\r\n").next().unwrap();
        assert!(mail.is_ascii() && !head.contains("\r\nBcc:"), "{head}");
    }
}

#[tokio::test]
async fn each_mail_is_what_aws_published() {
    let mut description = Script::start("aws_described.py", &[]);
    let mut judge = async |params: Value| {
        let asked = json!({ "service": "sesv2", "operation": "SendEmail", "params": params });
        description.ask(&asked).await.as_str().unwrap().to_owned()
    };
    for message in [page(), resolved(), note(), hostile(), storm()] {
        assert_eq!(judge(asked(&message).await.json()).await, "");
    }
    let mut without = asked(&page()).await.json();
    without.as_object_mut().unwrap().remove("Content");
    assert!(judge(without).await.contains("Content"));
    let mut other = asked(&page()).await.json();
    other["EmailTags"][0]["Key"] = "x".into();
    assert!(judge(other).await.contains("Key"));
}

const OURS_WORDS: &str = "Email address is not verified. The following identities failed the check in region EU-WEST-1: \
                Paging <noreply@opsknight.example.com>, jane@example.com";
const THEIRS_WORDS: &str = "Email address is not verified. The following identities failed the check in region EU-WEST-1: \
                  jane@example.com";

/// Status, code, words, and what is next.
const REFUSALS: &[(u16, &str, &str, &str)] = &[
    (400, "MessageRejected", OURS_WORDS, "SES_FROM"),
    (400, "MessageRejected", THEIRS_WORDS, "refused"),
    (400, "MessageRejected", "Address blacklisted.", "refused"),
    (400, "BadRequestException", "Missing final '@domain'", "refused"),
    (400, "MailFromDomainNotVerifiedException", "not verified", "SES_FROM"),
    (
        400,
        "SendingPausedException",
        "Sending paused for this account.",
        "AWS_ACCESS_KEY_ID",
    ),
    (400, "AccountSuspendedException", "suspended", "AWS_ACCESS_KEY_ID"),
    (400, "LimitExceededException", "Daily message quota exceeded.", "retry"),
    (429, "TooManyRequestsException", "Too many requests", "retry"),
    (400, "ThrottlingException", "Maximum sending rate exceeded.", "retry"),
    (
        403,
        "AccessDeniedException",
        "is not authorized to perform ses:SendEmail",
        "AWS_ACCESS_KEY_ID",
    ),
    (
        403,
        "UnrecognizedClientException",
        "The security token is invalid.",
        "AWS_ACCESS_KEY_ID",
    ),
    (
        403,
        "SignatureDoesNotMatch",
        "does not match the signature",
        "AWS_SECRET_ACCESS_KEY",
    ),
    (
        403,
        "InvalidSignatureException",
        "Signature expired: 2026… is now earlier",
        "clock",
    ),
    (
        403,
        "ExpiredTokenException",
        "The security token has expired",
        "AWS_SESSION_TOKEN",
    ),
    (404, "NotFoundException", "Configuration set does not exist", "refused"),
    (500, "InternalFailure", "", "retry"),
    (503, "ServiceUnavailableException", "", "retry"),
];

#[tokio::test]
async fn each_refusal_says_what_is_next() {
    for &(status, code, message, next) in REFUSALS {
        // AWS names the error in a header, emulators in the body.
        let body = json!({ "message": message }).to_string();
        let header: &'static str = format!("{code}:http://internal.amazon.com/").leak();
        let named = WebServer::start(move || answer(status, &[("x-amzn-errortype", header)], body.clone())).await;
        let body = json!({ "__type": format!("com.amazonaws#{code}"), "Message": message }).to_string();
        let typed = WebServer::start(move || answer(status, &[], body.clone())).await;
        for server in [named, typed] {
            let error = to(&server, &page()).await.unwrap_err();
            assert_eq!(kind(&error), next, "{code} {message}: {error:?}");
            assert!(error.to_string().contains(code), "{error}");
        }
    }
    for (status, next) in [
        (200, "unknown"),
        (302, "base URL"),
        (403, "AWS_ACCESS_KEY_ID"),
        (404, "AWS_ENDPOINT_URL"),
        (429, "retry"),
        (502, "retry"),
    ] {
        let server = WebServer::start(move || answer(status, &[("retry-after", "9")], "<html>")).await;
        let error = to(&server, &page()).await.unwrap_err();
        assert_eq!(kind(&error), next, "{status}: {error:?}");
        if let DeliveryError::Retry { after, .. } = error {
            assert_eq!(after.map(|after| after.as_secs()), Some(9));
        }
    }
}

#[tokio::test]
async fn what_was_taken_has_the_identity_of_ses() {
    let server = WebServer::start(taken).await;
    assert_eq!(to(&server, &page()).await.unwrap().provider_id.as_deref(), Some(ID));
    let channel = Ses::new(&settings(&server), &Mood::Takes.vendors()).unwrap();
    let outcome = channel.send("jané@example.com", &page(), now()).await;
    assert!(matches!(outcome, Err(DeliveryError::Refused { .. })), "{outcome:?}");
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn a_check_has_the_time_of_aws_and_tells_the_accounts_state() {
    let check = async |account: fn() -> Response<Body>| {
        let server = WebServer::asked(move |request| match request.uri.path() {
            "/" => answer(404, &[("date", "Mon, 23 Nov 2026 03:10:05 GMT")], ""),
            _ => account(),
        })
        .await;
        let outcome = Ses::new(&settings(&server), &Mood::Takes.vendors())
            .unwrap()
            .check()
            .await;
        let request = server.seen().remove(1);
        assert_eq!(
            (request.method.as_str(), request.uri.path()),
            ("GET", "/v2/email/account")
        );
        assert_eq!(request.header("x-amz-date"), Some("20261123T031005Z"));
        outcome
    };
    let sandbox = check(|| {
        let state = json!({ "SendingEnabled": true, "ProductionAccessEnabled": false, "EnforcementStatus": "HEALTHY",
            "SendQuota": { "Max24HourSend": 200.0, "MaxSendRate": 1.0, "SentLast24Hours": 3.0 } });
        answer(200, &[], state.to_string())
    });
    assert_eq!(
        sandbox.await.unwrap(),
        "Amazon SES in eu-west-1 is in the sandbox: it sends to verified addresses only, up to 200 mails a day."
    );
    let denied = check(|| {
        let body = json!({ "message": "is not authorized to perform: ses:GetAccount" });
        answer(403, &[("x-amzn-errortype", "AccessDeniedException")], body.to_string())
    });
    assert!(denied.await.unwrap().starts_with("AWS knows the key."));
    let unknown = check(|| {
        let body = json!({ "message": "The security token included in the request is invalid." });
        answer(
            403,
            &[("x-amzn-errortype", "UnrecognizedClientException")],
            body.to_string(),
        )
    });
    assert_eq!(kind(&unknown.await.unwrap_err()), "AWS_ACCESS_KEY_ID");
    assert_eq!(
        kind(&check(|| answer(404, &[], "<html>")).await.unwrap_err()),
        "AWS_ENDPOINT_URL"
    );
}
