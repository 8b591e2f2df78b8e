//! Mail by providers: what they are asked, and what they report of mails that they took.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::SignedDuration;
use opsknight_server::{clock::SystemClock, config::RawProviders};
use opsknight_web::state::Clock as _;
use reqwest::RequestBuilder;
use serde_json::{Value, json};

use crate::{
    both::Place,
    clouds::Cloud,
    people::Crew,
    post_office::Letter,
    signers::{RESEND_SECRET, SendGridKey, answered, of_resend, path_of},
    world::{Around, Turned, World},
};

both! {
    each_provider_is_asked_as_it_wants_to_be,
    news_ends_with_one_click_and_pages_go_on,
    resend_reports_bounces,
    sendgrid_reports_bounces,
    a_topic_of_ses_is_confirmed,
    ses_reports_bounces_by_its_topic,
    nobody_is_believed_whose_secret_is_not_set,
}

const SES_TOPIC: &str = "arn:aws:sns:eu-west-1:123456789012:mail";

fn resend(raw: &mut RawProviders) {
    raw.smtp_host = None;
    raw.resend_api_key = Some("re_key-of-ours".into());
    raw.resend_from = Some("Paging <pages@example.com>".into());
    raw.resend_webhook_secret = Some(RESEND_SECRET.into());
}

fn sendgrid(raw: &mut RawProviders, key: &SendGridKey) {
    raw.smtp_host = None;
    raw.sendgrid_api_key = Some("SG.key-of-ours".into());
    raw.sendgrid_from = Some("pages@example.com".into());
    raw.sendgrid_webhook_public_key = Some(key.shown());
}

fn ses(raw: &mut RawProviders) {
    raw.smtp_host = None;
    raw.aws_region = Some("eu-west-1".into());
    raw.aws_access_key_id = Some("AKIDEXAMPLE".into());
    raw.aws_secret_access_key = Some("aws-secret-of-ours".into());
    raw.ses_from = Some("pages@example.com".into());
    raw.ses_topic_arn = Some(SES_TOPIC.into());
    raw.sms_providers = Some(String::new());
}

/// Sets a provider up.
type Setting<'a> = &'a dyn Fn(&mut RawProviders);

/// A mail that a provider was asked to send, whatever its form.
struct Mail {
    to: String,
    subject: String,
    headers: Value,
}

fn mails(world: &World) -> Vec<Mail> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let vendors = &world.around.vendors;
    let mut mails = Vec::new();
    for asked in vendors.calls("/v3/mail/send").iter().map(|call| call.json()) {
        mails.push(Mail {
            to: text(&asked["personalizations"][0]["to"][0]["email"]),
            subject: text(&asked["subject"]),
            headers: asked["headers"].clone(),
        });
    }
    for asked in vendors.calls("/emails").iter().map(|call| call.json()) {
        mails.push(Mail {
            to: text(&asked["to"][0]),
            subject: text(&asked["subject"]),
            headers: asked["headers"].clone(),
        });
    }
    for asked in vendors
        .calls("/v2/email/outbound-emails")
        .iter()
        .map(|call| call.json())
    {
        let raw = STANDARD.decode(text(&asked["Content"]["Raw"]["Data"])).unwrap();
        let letter = Letter {
            to: text(&asked["Destination"]["ToAddresses"][0]),
            content: String::from_utf8(raw).unwrap(),
        };
        let names = ["Message-ID", "References", "List-Unsubscribe", "List-Unsubscribe-Post"];
        let headers = names.map(|name| (name.to_owned(), json!(letter.header(name))));
        mails.push(Mail {
            subject: letter.header("Subject").unwrap_or_default(),
            to: letter.to,
            headers: Value::Object(headers.into_iter().collect()),
        });
    }
    mails
}

async fn each_provider_is_asked_as_it_wants_to_be(place: &Place) {
    let key = SendGridKey::new();
    let one: [(&str, &str, Setting<'_>); 3] = [
        ("SendGrid", "Bearer SG.key-of-ours", &|raw| sendgrid(raw, &key)),
        ("Resend", "Bearer re_key-of-ours", &resend),
        ("Amazon SES", "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/", &ses),
    ];
    for (name, credential, settings) in one {
        let own = if place.is_sqlite() {
            Place::sqlite()
        } else {
            Place::postgres().await
        };
        let mut world = World::begin_with(&own, settings).await;
        let crew = Crew::gather(&world, 5).await;
        let id = world.trigger(&crew.events, "web-01", "critical").await;
        world.minutes(6).await;
        let sent = mails(&world);
        let to: Vec<&str> = sent.iter().map(|mail| mail.to.as_str()).collect();
        assert_eq!(to, ["ann@example.com", "bob@example.com"], "{name}");
        assert!(sent[0].subject.contains("web-01 is wrong"), "{}", sent[0].subject);
        // All mails about one incident are one conversation, and no page can be unsubscribed from.
        let root = format!("<{id}@example.com>");
        for mail in &sent {
            assert_eq!(mail.headers["References"], root, "{name}");
            assert_eq!(mail.headers["List-Unsubscribe"], Value::Null, "{name}");
        }
        assert_ne!(sent[0].headers["Message-ID"], sent[1].headers["Message-ID"]);
        let calls = world.around.vendors.calls("");
        let asked = calls.iter().find(|call| call.body.len() > 200).unwrap();
        assert!(asked.header("authorization").starts_with(credential), "{name}");
        let timeline = world.timeline(&id).await;
        assert!(
            timeline.contains(&format!("Email to Ann by {name} was taken")),
            "{timeline}"
        );
        world.finish().await;
    }
}

async fn news_ends_with_one_click_and_pages_go_on(place: &Place) {
    let mut world = World::begin_with(place, resend).await;
    let crew = Crew::gather(&world, 60).await;
    let wishes = json!({ "notificationChannels": ["EMAIL"], "notifyOnTriggered": false, "notifyOnResolved": true });
    let path = format!("/api/services/{}", crew.organisation.service);
    world.api.patch(&path, wishes).await;
    let resolve = json!({ "status": "RESOLVED" });
    let mut ids = Vec::new();
    for key in ["one", "two"] {
        let id = world.trigger(&crew.events, key, "critical").await;
        world.work().await;
        let before = mails(&world).len();
        world.api.patch(&format!("/api/incidents/{id}"), resolve.clone()).await;
        world.work().await;
        let news = mails(&world).split_off(before);
        let mut to: Vec<&str> = news.iter().map(|mail| mail.to.as_str()).collect();
        to.sort_unstable();
        ids.push(id);
        if key == "two" {
            assert_eq!(to, ["bob@example.com"], "Ann has ended them");
            break;
        }
        assert_eq!(to, ["ann@example.com", "bob@example.com"]);
        let anns = news.iter().find(|mail| mail.to.starts_with("ann")).unwrap();
        assert_eq!(anns.headers["List-Unsubscribe-Post"], "List-Unsubscribe=One-Click");
        let link = anns.headers["List-Unsubscribe"].as_str().unwrap();
        let link = link.trim_matches(['<', '>']);
        // A scanner opens the link, and nothing comes of it.
        let url = format!("{}{}", world.api.base, path_of(link));
        assert_eq!(answered(world.api.http.get(&url)).await.0, 200);
        let ann = world.api.get(&format!("/api/users/{}", crew.ann)).await;
        assert_eq!(ann["receiveNews"], true, "{ann}");
        let click = world.api.http.post(&url).header("origin", "https://mail.example");
        let click = click.form(&[("List-Unsubscribe", "One-Click")]);
        assert_eq!(answered(click).await.0, 200);
        let ann = world.api.get(&format!("/api/users/{}", crew.ann)).await;
        assert_eq!(ann["receiveNews"], false, "{ann}");
        let forged = format!("{}x", url);
        let click = world.api.http.post(forged).form(&[("List-Unsubscribe", "One-Click")]);
        assert!(answered(click).await.0.is_client_error());
        world.minutes(20).await;
    }
    // She was paged both times.
    for id in ids {
        let timeline = world.timeline(&id).await;
        assert!(timeline.contains("Email to Ann by Resend was taken"), "{timeline}");
    }
    world.finish().await;
}

/// What a provider reports of a page, in its own form.
struct Reporter<'a> {
    /// The hard bounce of a delivery, its soft one, its arrival.
    says: &'a dyn Fn(&World, &str, &str) -> RequestBuilder,
    /// Its words.
    words: &'a str,
}

/// The story of an address that takes no mail any more, and then does again.
async fn bounces(world: &mut World, name: &str, reporter: Reporter<'_>) {
    let crew = Crew::gather(world, 60).await;
    let ann = format!("/api/users/{}", crew.ann);
    let page = async |world: &mut World, key: &str| {
        world.minutes(20).await;
        let before = mails(world).len();
        let id = world.trigger(&crew.events, key, "critical").await;
        world.work().await;
        let to: Vec<String> = mails(world)[before..].iter().map(|mail| mail.to.clone()).collect();
        assert_eq!(to, ["ann@example.com"], "{key}");
        let page = world.notifications(&id).await.remove(0);
        (id, page["id"].as_str().unwrap().to_owned())
    };
    let say = async |world: &mut World, what: &str, delivery: &str| {
        let (status, text) = answered((reporter.says)(world, what, delivery)).await;
        assert_eq!(status, 200, "{text}");
        world.work().await;
    };
    // It arrives.
    let (id, delivery) = page(world, "one").await;
    say(world, "delivered", &delivery).await;
    assert!(world.notifications(&id).await[0]["deliveredAt"].is_string());
    // It comes back for now: Bob is called at once, and nothing is said of the address.
    let (id, delivery) = page(world, "two").await;
    say(world, "soft", &delivery).await;
    assert_eq!(mails(world).last().unwrap().to, "bob@example.com");
    assert_eq!(world.api.get(&ann).await["emailFailing"], Value::Null);
    let timeline = world.timeline(&id).await;
    assert!(
        timeline.contains(&format!("Email to Ann by {name} has not arrived")),
        "{timeline}"
    );
    // It comes back for good.
    let (id, delivery) = page(world, "three").await;
    say(world, "hard", &delivery).await;
    let why = world.api.get(&ann).await["emailFailing"]["why"].clone();
    assert!(why.as_str().is_some_and(|why| why.contains(reporter.words)), "{why}");
    let timeline = world.timeline(&id).await;
    assert!(
        timeline.contains("has not arrived: ") && timeline.contains(reporter.words),
        "{timeline}"
    );
    assert_eq!(mails(world).last().unwrap().to, "bob@example.com");
    // Reports may overtake each other: that its server took it at first is no news.
    say(world, "delivered", &delivery).await;
    assert_ne!(world.api.get(&ann).await["emailFailing"], Value::Null);
    // It is her only one, so she is paged there all the same, and the arrival clears it.
    let (_, delivery) = page(world, "four").await;
    say(world, "delivered", &delivery).await;
    assert_eq!(world.api.get(&ann).await["emailFailing"], Value::Null);
}

async fn resend_reports_bounces(place: &Place) {
    let mut world = World::begin_with(place, resend).await;
    let event = |what: &str, delivery: &str| {
        let (kind, bounce) = match what {
            "delivered" => ("email.delivered", Value::Null),
            "soft" => (
                "email.bounced",
                json!({ "type": "Transient", "subType": "MailboxFull", "message": "The mailbox is full." }),
            ),
            _ => (
                "email.bounced",
                json!({ "type": "Permanent", "subType": "General", "message": "There is no such mailbox." }),
            ),
        };
        let data = json!({ "email_id": "ours", "to": ["ann@example.com"], "bounce": bounce,
            "tags": { "opsknight_delivery": delivery } });
        json!({ "type": kind, "created_at": "2026-06-01T12:00:00Z", "data": data })
    };
    let says = |world: &World, what: &str, delivery: &str| {
        of_resend(world, &event(what, delivery), RESEND_SECRET, world.now())
    };
    let words = "There is no such mailbox.";
    bounces(&mut world, "Resend", Reporter { says: &says, words }).await;
    // Forged, too old, not signed.
    let hard = event("hard", "del_x");
    let old = world.now() - SignedDuration::from_mins(6);
    for bad in [
        of_resend(&world, &hard, "whsec_b3RoZXI=", world.now()),
        of_resend(&world, &hard, RESEND_SECRET, old),
        world
            .api
            .http
            .post(format!("{}/api/email/resend", world.api.base))
            .json(&hard),
    ] {
        assert_eq!(answered(bad).await.0, 401);
    }
    world.finish().await;
}

async fn sendgrid_reports_bounces(place: &Place) {
    let key = SendGridKey::new();
    let mut world = World::begin_with(place, |raw| sendgrid(raw, &key)).await;
    let events = |what: &str, delivery: &str| {
        let mut event = json!({ "email": "ann@example.com", "timestamp": 1_780_315_200, "event": "bounce",
            "opsknight_delivery": delivery, "status": "5.1.1", "reason": "550 There is no such mailbox." });
        match what {
            "delivered" => event["event"] = "delivered".into(),
            "soft" => event["type"] = "blocked".into(),
            _ => event["type"] = "bounce".into(),
        }
        json!([event])
    };
    let says = |world: &World, what: &str, delivery: &str| key.posts(world, &events(what, delivery), world.now());
    let words = "550 There is no such mailbox.";
    bounces(&mut world, "SendGrid", Reporter { says: &says, words }).await;
    let hard = events("hard", "del_x");
    let old = world.now() - SignedDuration::from_hours(26);
    for bad in [
        SendGridKey::new().posts(&world, &hard, world.now()),
        key.posts(&world, &hard, old),
        world
            .api
            .http
            .post(format!("{}/api/email/sendgrid", world.api.base))
            .json(&hard),
    ] {
        assert_eq!(answered(bad).await.0, 401);
    }
    world.finish().await;
}

/// SES and its topic.
struct Topic {
    world: World,
    cloud: Cloud,
}

impl Topic {
    async fn begin(place: &Place) -> Self {
        let cloud = Cloud::start().await;
        // The topic's certificate is of this time.
        let around = Around::at(Turned::at(SystemClock.now())).await;
        let world = World::begin_as(place, around, |raw| {
            ses(&mut raw.providers);
            raw.aws_endpoint_url_sns = Some(cloud.url.clone());
        })
        .await;
        Self { world, cloud }
    }

    /// An envelope of now, signed.
    async fn envelope(&self, kind: &str, changes: Value) -> Value {
        let mut all = json!({ "TopicArn": SES_TOPIC, "Timestamp": self.world.now().to_string() });
        all.as_object_mut()
            .unwrap()
            .extend(changes.as_object().cloned().unwrap());
        self.cloud.envelope(kind, "m-1", all).await
    }

    async fn posts(&self, envelope: &Value) -> u16 {
        let api = &self.world.api;
        let request = api.http.post(format!("{}/api/email/ses", api.base));
        let request = request.header("content-type", "text/plain");
        answered(request.body(envelope.to_string())).await.0.as_u16()
    }

    /// Reports an incident, and gives back its id and what SES calls the mail.
    async fn page(&mut self, crew: &Crew, key: &str) -> (String, String) {
        self.world.minutes(20).await;
        let id = self.world.trigger(&crew.events, key, "critical").await;
        self.world.work().await;
        let page = self.world.notifications(&id).await.remove(0);
        (id, page["providerId"].as_str().unwrap().to_owned())
    }
}

async fn a_topic_of_ses_is_confirmed(place: &Place) {
    let topic = Topic::begin(place).await;
    let confirmed_at = |arn: &str| {
        let query = format!("Action=ConfirmSubscription&TopicArn={arn}&Token=2336412f37");
        json!({ "SubscribeURL": format!("{}/?{query}", topic.cloud.url) })
    };
    let elsewhere = confirmed_at("arn:aws:sns:eu-west-1:123456789012:other");
    let elsewhere = topic.envelope("SubscriptionConfirmation", elsewhere).await;
    assert_eq!(topic.posts(&elsewhere).await, 400);
    let good = topic
        .envelope("SubscriptionConfirmation", confirmed_at(SES_TOPIC))
        .await;
    assert_eq!(topic.posts(&good).await, 200);
    let calls = topic.cloud.calls().await;
    let confirmations = calls
        .iter()
        .filter(|path| path.contains("Action=ConfirmSubscription"))
        .count();
    assert_eq!(confirmations, 1, "{calls:?}");
    topic.world.finish().await;
}

async fn ses_reports_bounces_by_its_topic(place: &Place) {
    let mut topic = Topic::begin(place).await;
    let crew = Crew::gather(&topic.world, 60).await;
    let ann = format!("/api/users/{}", crew.ann);
    let (id, name) = topic.page(&crew, "one").await;
    let recipients =
        json!([{ "emailAddress": "ann@example.com", "diagnosticCode": "smtp; 550 5.1.1 There is no such mailbox." }]);
    let bounce = json!({ "eventType": "Bounce", "mail": { "messageId": name, "destination": ["ann@example.com"] },
        "bounce": { "bounceType": "Permanent", "bounceSubType": "General", "bouncedRecipients": recipients } });
    let bounce = bounce.to_string();
    let good = topic.envelope("Notification", json!({ "Message": bounce })).await;
    // Another topic, a word changed on the way, an old one.
    let other = json!({ "TopicArn": "arn:aws:sns:eu-west-1:123456789012:other", "Message": bounce });
    let other = topic.envelope("Notification", other).await;
    let mut changed = good.clone();
    changed["Message"] = bounce.replace("Permanent", "Transient").into();
    let before = topic.world.now() - SignedDuration::from_hours(2);
    let old = json!({ "Timestamp": before.to_string(), "Message": bounce });
    let old = topic.envelope("Notification", old).await;
    for bad in [other, changed, old] {
        assert_eq!(topic.posts(&bad).await, 401, "{bad}");
    }
    assert_eq!(topic.world.api.get(&ann).await["emailFailing"], Value::Null);
    assert_eq!(topic.posts(&good).await, 200);
    topic.world.work().await;
    let why = topic.world.api.get(&ann).await["emailFailing"]["why"].clone();
    assert!(
        why.as_str()
            .is_some_and(|why| why.contains("There is no such mailbox.")),
        "{why}"
    );
    let timeline = topic.world.timeline(&id).await;
    assert!(
        timeline.contains("Email to Ann by Amazon SES has not arrived: "),
        "{timeline}"
    );
    assert_eq!(mails(&topic.world).last().unwrap().to, "bob@example.com");
    let (_, name) = topic.page(&crew, "two").await;
    assert_eq!(mails(&topic.world).last().unwrap().to, "ann@example.com");
    let delivery = json!({ "eventType": "Delivery", "mail": { "messageId": name, "destination": ["ann@example.com"] },
        "delivery": { "recipients": ["ann@example.com"] } });
    let good = json!({ "Message": delivery.to_string() });
    let good = topic.envelope("Notification", good).await;
    assert_eq!(topic.posts(&good).await, 200);
    assert_eq!(topic.world.api.get(&ann).await["emailFailing"], Value::Null);
    topic.world.finish().await;
}

async fn nobody_is_believed_whose_secret_is_not_set(place: &Place) {
    let world = World::begin_with(place, |raw| {
        let key = SendGridKey::new();
        resend(raw);
        sendgrid(raw, &key);
        raw.resend_webhook_secret = None;
        raw.sendgrid_webhook_public_key = None;
    })
    .await;
    let event =
        json!({ "type": "email.bounced", "data": { "to": ["ann@example.com"], "bounce": { "type": "Permanent" } } });
    let envelope = json!({ "Type": "Notification", "MessageId": "m", "TopicArn": "", "Message": "{}", "SignatureVersion": "1",
        "Timestamp": world.now().to_string(), "Signature": "AAAA", "SigningCertURL": "https://sns.eu-west-1.amazonaws.com/x.pem" });
    let ses = world
        .api
        .http
        .post(format!("{}/api/email/ses", world.api.base))
        .json(&envelope);
    for call in [
        of_resend(&world, &event, RESEND_SECRET, world.now()),
        // An empty key is no key.
        of_resend(&world, &event, "whsec_", world.now()),
        SendGridKey::new().posts(&world, &json!([]), world.now()),
        ses,
    ] {
        assert_eq!(answered(call).await.0, 401);
    }
    world.finish().await;
}
