//! Senders of clouds are believed by what only they can sign: Amazon's SNS with its whole handshake, Google's tokens on
//! Pub/Sub's pushes, Microsoft's on Azure's secure webhooks. A program in Python with a library of its own signs.

use std::process::Stdio;

use opsknight_server::clock::SystemClock;
use opsknight_web::state::Clock as _;
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::process::Child;

use crate::{
    api::{Api, Integration, client, integration, organisation},
    both::Place,
    peers,
    process::{Printed, Server},
};

both! {
    a_topic_is_confirmed_and_pinned_and_its_alarms_arrive,
    an_emulator_without_signatures_is_confirmed_too,
    pub_sub_shows_googles_token,
    azure_shows_entras_token,
}

const TOPIC: &str = "arn:aws:sns:eu-west-1:123456789012:alarms";
const TENANT: &str = "72f988bf-86f1-41af-91ab-2d7cd011db47";
const ACCOUNT: &str = "push@ours.iam.gserviceaccount.com";

/// What the clouds publish and sign; it ends with this value.
pub(crate) struct Cloud {
    pub(crate) url: String,
    http: reqwest::Client,
    _child: Child,
}

impl Cloud {
    pub(crate) async fn start() -> Self {
        let mut child = peers::python("cloud.py", &[])
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the cloud starts");
        let printed = Printed::default();
        printed.gather(child.stdout.take().expect("its output is a pipe"));
        let url = printed.wait_for("the cloud says where it is", |line| Some(line.to_owned()));
        Self {
            url: url.await,
            http: client(),
            _child: child,
        }
    }

    async fn ask(&self, path: &str, body: &Value) -> Value {
        let response = self.http.post(format!("{}{path}", self.url)).json(body).send();
        response.await.unwrap().json().await.unwrap()
    }

    pub(crate) async fn calls(&self) -> Vec<String> {
        let response = self.http.get(format!("{}/calls", self.url)).send().await.unwrap();
        response.json().await.unwrap()
    }

    /// An envelope as SNS makes it, signed.
    pub(crate) async fn envelope(&self, kind: &str, id: &str, changes: Value) -> Value {
        let mut envelope = json!({
            "Type": kind,
            "MessageId": id,
            "TopicArn": TOPIC,
            "Message": "You have chosen to subscribe to the topic.",
            "Timestamp": SystemClock.now().to_string(),
            "SignatureVersion": "1",
            "SigningCertURL": format!("{}/SimpleNotificationService-good.pem", self.url),
        });
        if kind == "SubscriptionConfirmation" {
            envelope["Token"] = "2336412f37".into();
            let query = format!("Action=ConfirmSubscription&TopicArn={TOPIC}&Token=2336412f37");
            envelope["SubscribeURL"] = format!("{}/?{query}", self.url).into();
        }
        merge(&mut envelope, changes);
        self.ask("/make/envelope", &envelope).await
    }

    async fn alarm(&self, id: &str, state: &str, changes: Value) -> Value {
        let before = if state == "ALARM" { "OK" } else { "ALARM" };
        let message = json!({
            "AlarmName": "cpu-web-01", "AlarmDescription": null, "AWSAccountId": "123456789012",
            "NewStateValue": state, "OldStateValue": before, "NewStateReason": "Threshold Crossed",
            "StateChangeTime": SystemClock.now().to_string(), "Region": "EU (Ireland)",
            "AlarmArn": "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:cpu-web-01", "Trigger": {"Dimensions": []}
        });
        let mut envelope = json!({ "Message": message.to_string(), "Subject": format!("{state}: \"cpu-web-01\"") });
        merge(&mut envelope, changes);
        self.envelope("Notification", id, envelope).await
    }

    async fn token(&self, claims: Value) -> String {
        let made = self.ask("/make/token", &json!({ "claims": claims })).await;
        made["token"].as_str().unwrap().to_owned()
    }
}

fn merge(into: &mut Value, changes: Value) {
    let Value::Object(changes) = changes else {
        panic!("{changes}")
    };
    into.as_object_mut().unwrap().extend(changes);
}

/// The program, with an integration of this type.
struct Scene {
    server: Server,
    api: Api,
    service: String,
    to: Integration,
    cloud: Cloud,
}

impl Scene {
    async fn set(place: &Place, kind: &str, more: Value, variables: &[(&str, &str)]) -> Self {
        let cloud = Cloud::start().await;
        let at_cloud = [
            "AWS_ENDPOINT_URL_SNS",
            "OPSKNIGHT_GOOGLE_BASE_URL",
            "OPSKNIGHT_ENTRA_BASE_URL",
        ];
        let mut all: Vec<(&str, &str)> = at_cloud.map(|name| (name, cloud.url.as_str())).to_vec();
        all.retain(|(name, _)| !variables.iter().any(|(other, _)| other == name));
        all.extend(variables.iter().filter(|(_, value)| !value.is_empty()));
        let server = Server::start(place, &all).await;
        let api = Api::of(place, &server).await;
        let service = organisation(&api, 5).await.service;
        let to = integration(&api, &service, kind, more).await;
        Self {
            server,
            api,
            service,
            to,
            cloud,
        }
    }

    /// Sends a body as it is, and gives back the status and what came of its one alert.
    async fn send(&self, body: &Value, headers: &[(&str, &str)]) -> (StatusCode, Value) {
        let mut request = self
            .api
            .http
            .post(&self.to.url)
            .header("content-type", "text/plain; charset=UTF-8");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.body(body.to_string()).send().await.unwrap();
        let status = response.status();
        let answer: Value = response.json().await.unwrap();
        let one = answer
            .get("results")
            .map_or_else(|| answer["error"].clone(), |results| results[0].clone());
        (status, one)
    }

    async fn expect(&self, body: &Value, status: u16, action: &str) {
        let (got, one) = self.send(body, &[]).await;
        assert_eq!(got, status, "{body}: {one}");
        assert_eq!(one["action"].as_str().unwrap_or_default(), action, "{body}: {one}");
    }

    async fn with_token(&self, body: &Value, token: &str) -> StatusCode {
        self.send(body, &[("authorization", &format!("Bearer {token}"))])
            .await
            .0
    }

    async fn topics(&self) -> Value {
        let path = format!("/api/services/{}/integrations/{}", self.service, self.to.id);
        self.api.get(&path).await["topicArns"].clone()
    }
}

async fn a_topic_is_confirmed_and_pinned_and_its_alarms_arrive(place: &Place) {
    let scene = Scene::set(place, "CLOUDWATCH", json!({}), &[]).await;
    let cloud = &scene.cloud;
    let confirm = "SubscriptionConfirmation";
    // What is not signed by SNS confirms nothing.
    let mut forged = cloud.envelope(confirm, "c-0", json!({})).await;
    forged["TopicArn"] = "arn:aws:sns:eu-west-1:666666666666:alarms".into();
    scene.expect(&forged, 401, "").await;
    // A signed one that would call something else is not followed.
    let elsewhere = json!({ "SubscribeURL": format!("{}/?Action=Publish&TopicArn={TOPIC}&Token=t", cloud.url) });
    let elsewhere = cloud.envelope(confirm, "c-1", elsewhere).await;
    scene.expect(&elsewhere, 400, "").await;
    let called = |calls: &[String]| calls.iter().filter(|path| path.starts_with("/?")).count();
    assert_eq!(called(&cloud.calls().await), 0);
    assert_eq!(scene.topics().await, json!([]));
    // SNS cannot be reached: it is asked to come back, and then confirmed.
    let good = cloud.envelope(confirm, "c-2", json!({ "SignatureVersion": "2" })).await;
    cloud.ask("/answer", &json!({ "status": 0 })).await;
    scene.expect(&good, 503, "").await;
    cloud.ask("/answer", &json!({ "status": 200 })).await;
    scene.expect(&good, 202, "ignored").await;
    assert_eq!(scene.topics().await, json!([TOPIC]));
    let calls = cloud.calls().await;
    let last = calls.iter().rev().find(|path| path.starts_with("/?")).unwrap();
    assert!(
        last.contains("Action=ConfirmSubscription") && last.contains("Token=2336412f37"),
        "{last}"
    );

    for (n, version) in ["1", "2"].into_iter().enumerate() {
        let signed = json!({ "SignatureVersion": version });
        let fires = cloud.alarm(&format!("a-{n}"), "ALARM", signed.clone()).await;
        scene.expect(&fires, 202, "triggered").await;
        scene.expect(&fires, 202, "ignored").await;
        let ends = cloud.alarm(&format!("o-{n}"), "OK", signed).await;
        scene.expect(&ends, 202, "resolved").await;
    }
    refusals(&scene).await;
    let calls = cloud.calls().await;
    let fetched = calls.iter().filter(|path| path.ends_with("-good.pem")).count();
    assert_eq!(fetched, 1, "a certificate is fetched once: {calls:?}");
    let log = scene.api.get("/api/audit-log").await;
    assert!(log.to_string().contains("integration.topic_pinned"), "{log}");
    drop(scene.server);
}

/// What is not believed once a topic is pinned.
async fn refusals(scene: &Scene) {
    let cloud = &scene.cloud;
    let mut tampered = cloud.alarm("r-1", "ALARM", json!({})).await;
    tampered["Message"] = tampered["Message"].as_str().unwrap().replace("cpu", "gpu").into();
    scene.expect(&tampered, 401, "").await;
    let other_topic = json!({ "TopicArn": "arn:aws:sns:eu-west-1:123456789012:others" });
    for (id, changes) in [
        (
            "r-2",
            json!({ "SigningCertURL": format!("{}/SimpleNotificationService-other.pem", cloud.url) }),
        ),
        (
            "r-3",
            json!({ "SigningCertURL": format!("{}/SimpleNotificationService-over.pem", cloud.url) }),
        ),
        (
            "r-4",
            json!({ "SigningCertURL": format!("{}/SimpleNotificationService-none.pem", cloud.url) }),
        ),
        (
            "r-5",
            json!({ "SigningCertURL": format!("{}/SimpleNotificationService-gone.pem", cloud.url) }),
        ),
        (
            "r-6",
            json!({ "SigningCertURL": "http://169.254.169.254/SimpleNotificationService-good.pem" }),
        ),
        ("r-7", json!({ "Timestamp": "2026-01-01T00:00:00.000Z" })),
        ("r-8", other_topic.clone()),
    ] {
        let envelope = cloud.alarm(id, "ALARM", changes).await;
        scene.expect(&envelope, 401, "").await;
    }
    let envelope = cloud.envelope("SubscriptionConfirmation", "r-9", other_topic).await;
    scene.expect(&envelope, 401, "").await;
    let mut unsigned = cloud.alarm("r-10", "ALARM", json!({})).await;
    unsigned["Signature"] = "".into();
    scene.expect(&unsigned, 401, "").await;
    // Raw messages come from the topic that they name, or not at all.
    let alarm = json!({ "AlarmName": "raw", "NewStateValue": "ALARM", "AlarmArn": "arn:aws:cloudwatch:x:1:alarm:raw" });
    let raw = |topic| [("x-amz-sns-rawdelivery", "true"), ("x-amz-sns-topic-arn", topic)];
    assert_eq!(scene.send(&alarm, &[]).await.0, 401);
    assert_eq!(scene.send(&alarm, &raw("arn:aws:sns:eu-west-1:1:x")).await.0, 401);
    assert_eq!(scene.send(&alarm, &raw(TOPIC)).await.0, 202);
}

async fn an_emulator_without_signatures_is_confirmed_too(place: &Place) {
    let variables = [
        ("OPSKNIGHT_SNS_VERIFY_SIGNATURES", "false"),
        ("AWS_ENDPOINT_URL_SNS", ""),
    ];
    let scene = Scene::set(place, "CLOUDWATCH", json!({}), &variables).await;
    let metadata = format!("http://169.254.169.254/?Action=ConfirmSubscription&TopicArn={TOPIC}&Token=t");
    let metadata = json!({ "SubscribeURL": metadata });
    let metadata = scene.cloud.envelope("SubscriptionConfirmation", "c-0", metadata).await;
    scene.expect(&metadata, 400, "").await;
    let mut confirm = scene.cloud.envelope("SubscriptionConfirmation", "c-1", json!({})).await;
    confirm["Signature"] = "EXAMPLE".into();
    // LocalStack calls itself so, whatever the machine's DNS says.
    let subscribe = confirm["SubscribeURL"]
        .as_str()
        .unwrap()
        .replace("//127.0.0.1:", "//localhost.localstack.cloud:");
    confirm["SubscribeURL"] = subscribe.into();
    scene.expect(&confirm, 202, "ignored").await;
    assert_eq!(scene.topics().await, json!([TOPIC]));
    let mut fires = scene.cloud.alarm("a-1", "ALARM", json!({})).await;
    fires["Signature"] = "EXAMPLE".into();
    scene.expect(&fires, 202, "triggered").await;
}

async fn pub_sub_shows_googles_token(place: &Place) {
    let rule = json!({ "audience": "https://ops.example/push", "serviceAccount": ACCOUNT });
    let scene = Scene::set(place, "GOOGLE_CLOUD_MONITORING", json!({ "tokenRule": rule }), &[]).await;
    let push = |id: &str| {
        let incident =
            json!({ "incident": { "incident_id": id, "state": "open", "summary": "CPU", "policy_name": "CPU" } });
        let data = base64(incident.to_string().as_bytes());
        json!({ "message": { "data": data, "messageId": id }, "subscription": "projects/p/subscriptions/s" })
    };
    let now = SystemClock.now().as_second();
    let claims = json!({
        "iss": "https://accounts.google.com", "aud": "https://ops.example/push", "email": ACCOUNT,
        "email_verified": true, "iat": now, "exp": now + 3600
    });
    let with = |name: &str, value: Value| {
        let mut claims = claims.clone();
        claims[name] = value;
        claims
    };
    let good = scene.cloud.token(claims.clone()).await;
    assert_eq!(scene.with_token(&push("1"), &good).await, 202);
    assert_eq!(scene.send(&push("2"), &[]).await.0, 401);
    for (name, value) in [
        ("aud", json!("https://else.example")),
        ("email", json!("other@ours.iam.gserviceaccount.com")),
        ("iss", json!("https://evil.example")),
        ("exp", json!(now - 3600)),
    ] {
        let token = scene.cloud.token(with(name, value)).await;
        assert_eq!(scene.with_token(&push("3"), &token).await, 401, "{name}");
    }
    let (signed, _) = good.rsplit_once('.').unwrap();
    assert_eq!(scene.with_token(&push("3"), &format!("{signed}.AAAA")).await, 401);
    let unsigned = json!({ "claims": claims.clone(), "alg": "none" });
    let unsigned = scene.cloud.ask("/make/token", &unsigned).await;
    assert_eq!(
        scene.with_token(&push("3"), unsigned["token"].as_str().unwrap()).await,
        401
    );
    // The issuer changes its key: the new one is fetched when a token names it.
    scene.cloud.ask("/rotate", &json!({})).await;
    let newer = scene.cloud.token(claims).await;
    assert_eq!(scene.with_token(&push("4"), &newer).await, 202);
    assert_eq!(
        scene.with_token(&push("5"), &good).await,
        401,
        "a withdrawn key is believed no longer"
    );
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::prelude::BASE64_STANDARD.encode(bytes)
}

async fn azure_shows_entras_token(place: &Place) {
    let rule = json!({ "audience": "api://ours", "tenantId": TENANT });
    let scene = Scene::set(place, "AZURE", json!({ "tokenRule": rule }), &[]).await;
    let alert = |id: &str| {
        let essentials = json!({
            "alertId": format!("/subscriptions/1/providers/Microsoft.AlertsManagement/alerts/{id}"),
            "alertRule": "CPU", "severity": "Sev1", "monitorCondition": "Fired", "monitoringService": "Platform"
        });
        json!({ "schemaId": "azureMonitorCommonAlertSchema", "data": { "essentials": essentials, "alertContext": {} } })
    };
    let now = SystemClock.now().as_second();
    let claims = json!({
        "iss": format!("https://sts.windows.net/{TENANT}/"), "aud": "api://ours", "nbf": now, "exp": now + 3600,
        "appid": "461e8683-5575-4561-ac7f-899cc907d62a", "roles": ["ActionGroupsSecureWebhook"]
    });
    let good = scene.cloud.token(claims.clone()).await;
    assert_eq!(scene.with_token(&alert("1"), &good).await, 202);
    assert_eq!(scene.send(&alert("2"), &[]).await.0, 401);
    for (name, value) in [
        ("roles", json!([])),
        ("appid", json!("00000000-0000-0000-0000-000000000000")),
        ("iss", json!("https://sts.windows.net/another/")),
    ] {
        let mut claims = claims.clone();
        claims[name] = value;
        let token = scene.cloud.token(claims).await;
        assert_eq!(scene.with_token(&alert("3"), &token).await, 401, "{name}");
    }
    let calls = scene.cloud.calls().await;
    assert_eq!(calls, [format!("/{TENANT}/discovery/v2.0/keys")]);
}
