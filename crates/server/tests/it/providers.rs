//! Providers as the environment of the real program sets them up: what `opsknight doctor` says of them, and that no
//! credential is ever told.

use serde_json::json;

use crate::{
    api::{Api, integration, organisation},
    both::Place,
    people::ANN,
    post_office::PostOffice,
    process::{Ended, SOON, Server, opsknight, run, wait_until},
    signers::RESEND_SECRET,
    vendors::{Instead, Vendors},
};

both! {
    doctor_asks_every_provider,
    no_log_tells_a_credential,
}

/// All credentials of the tests. None of them may ever be told.
const SECRETS: [(&str, &str); 9] = [
    ("TWILIO_AUTH_TOKEN", "hush-twilio"),
    ("SENDGRID_API_KEY", "SG.hush-sendgrid"),
    ("RESEND_API_KEY", "re_hush-resend"),
    ("AWS_SECRET_ACCESS_KEY", "hush-amazon"),
    ("ONESIGNAL_API_KEY", "os_hush-onesignal"),
    ("SLACK_BOT_TOKEN", "xoxb-hush-slack"),
    ("WHATSAPP_ACCESS_TOKEN", "hush-meta"),
    ("WHATSAPP_APP_SECRET", "hush-meta-app"),
    ("SMTP_PASSWORD", "hush-smtp"),
];

/// What every provider needs besides.
const OTHERS: [(&str, &str); 14] = [
    ("SMTP_HOST", "127.0.0.1"),
    ("SMTP_TLS", "none"),
    ("SMTP_FROM", "pages@example.com"),
    ("SES_FROM", "pages@example.com"),
    ("AWS_REGION", "eu-west-1"),
    ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
    ("TWILIO_ACCOUNT_SID", "AC0123456789abcdef0123456789abcdef"),
    ("TWILIO_PHONE_NUMBER", "+14155550100"),
    ("TWILIO_WHATSAPP_NUMBER", "+14155550101"),
    ("ONESIGNAL_APP_ID", "7c1c1c1c-0a0a-4b4b-8c8c-0d0d0d0d0d0d"),
    ("WHATSAPP_PHONE_NUMBER_ID", "106540352242922"),
    ("WHATSAPP_VERIFY_TOKEN", "hush-word"),
    ("RESEND_WEBHOOK_SECRET", RESEND_SECRET),
    ("OPSKNIGHT_PUBLIC_URL", "https://opsknight.example.com"),
];

/// The variables by which vendors are found.
const BASES: [&str; 8] = [
    "OPSKNIGHT_TWILIO_BASE_URL",
    "OPSKNIGHT_SENDGRID_BASE_URL",
    "OPSKNIGHT_RESEND_BASE_URL",
    "OPSKNIGHT_ONESIGNAL_BASE_URL",
    "OPSKNIGHT_SLACK_BASE_URL",
    "OPSKNIGHT_WHATSAPP_BASE_URL",
    "AWS_ENDPOINT_URL_SNS",
    "AWS_ENDPOINT_URL_SESV2",
];

/// Runs `opsknight doctor` with all providers set up, these variables taken away and these given.
async fn doctor(place: &Place, vendors: &Vendors, post: &PostOffice, without: &[&str], with: &[(&str, &str)]) -> Ended {
    let port = post.port.to_string();
    let mut command = opsknight(place);
    command.arg("doctor").env("SMTP_PORT", port);
    command.envs(BASES.map(|name| (name, vendors.base.as_str())));
    command.envs(SECRETS).envs(OTHERS);
    // The mail server here has no login.
    command.env_remove("SMTP_PASSWORD");
    for name in without {
        command.env_remove(name);
    }
    command.envs(with.iter().copied());
    run(command, "").await
}

fn hushed(ended: &Ended) {
    let told = format!("{}{}", ended.stdout, ended.stderr);
    assert!(!told.contains("hush"), "{told}");
}

async fn doctor_asks_every_provider(place: &Place) {
    let (vendors, post) = (Vendors::start().await, PostOffice::start().await);
    let ended = doctor(place, &vendors, &post, &[], &[]).await;
    hushed(&ended);
    let lines: Vec<String> = ended.well().lines().map(str::to_owned).collect();
    for provider in [
        "email (smtp)",
        "email (resend)",
        "email (sendgrid)",
        "email (ses)",
        "SMS (twilio-sms)",
        "SMS (sns)",
        "voice call (twilio-voice)",
        "WhatsApp (twilio-whatsapp)",
        "WhatsApp (meta-whatsapp)",
        "push (onesignal)",
        "Slack (slack)",
    ] {
        assert!(
            lines
                .iter()
                .any(|line| line.starts_with(&format!("ok      {provider}: "))),
            "{provider}: {lines:#?}"
        );
    }
    // None of them knows us any more.
    let refusals = [
        ("/2010-04-01/Accounts", r#"{"code":20003,"message":"Authenticate"}"#),
        ("/v3/scopes", r#"{"errors":[{"message":"authorization required"}]}"#),
        (
            "/domains",
            r#"{"name":"validation_error","message":"API key is invalid"}"#,
        ),
        ("/v2/email/account", r#"{"message":"The security token is invalid."}"#),
        ("/notifications", r#"{"errors":["Access denied."]}"#),
        (
            "/106540352242922",
            r#"{"error":{"code":190,"message":"Session has expired"}}"#,
        ),
    ];
    for (path, body) in refusals {
        vendors.answer_instead(path, Instead::of(401, body));
    }
    vendors.answer_instead("/auth.test", Instead::of(200, r#"{"ok":false,"error":"invalid_auth"}"#));
    let ended = doctor(place, &vendors, &post, &[], &[]).await;
    hushed(&ended);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    for (provider, words) in [
        ("SMS (twilio-sms)", "Authenticate"),
        ("voice call (twilio-voice)", "TWILIO_AUTH_TOKEN"),
        ("email (sendgrid)", "authorization required"),
        ("email (resend)", "API key is invalid"),
        ("email (ses)", "The security token is invalid."),
        ("push (onesignal)", "Access denied."),
        ("WhatsApp (meta-whatsapp)", "Session has expired"),
        ("Slack", "invalid_auth"),
    ] {
        let found = ended
            .stdout
            .lines()
            .any(|line| line.starts_with(&format!("PROBLEM {provider}")) && line.contains(words));
        assert!(found, "{provider}: {}", ended.stdout);
    }
    assert!(ended.stdout.contains("ok      email (smtp): "), "{}", ended.stdout);
}

#[tokio::test]
async fn what_cannot_work_is_named_by_its_variable() {
    let place = Place::sqlite();
    let (vendors, post) = (Vendors::start().await, PostOffice::start().await);
    for (without, with, named) in [
        (Some("TWILIO_AUTH_TOKEN"), None, "TWILIO_AUTH_TOKEN"),
        (Some("TWILIO_ACCOUNT_SID"), None, "TWILIO_ACCOUNT_SID"),
        (None, Some(("TWILIO_PHONE_NUMBER", "4155550100")), "TWILIO_PHONE_NUMBER"),
        (None, Some(("TWILIO_WHATSAPP_NUMBER", "us")), "TWILIO_WHATSAPP_NUMBER"),
        (None, Some(("SENDGRID_API_KEY", "SG.hush hush")), "SENDGRID_API_KEY"),
        (None, Some(("SENDGRID_FROM", "nobody")), "SENDGRID_FROM"),
        (
            None,
            Some(("SENDGRID_WEBHOOK_PUBLIC_KEY", "hush")),
            "SENDGRID_WEBHOOK_PUBLIC_KEY",
        ),
        (None, Some(("RESEND_FROM", "nobody")), "RESEND_FROM"),
        (
            None,
            Some(("RESEND_WEBHOOK_SECRET", "whsec_!hush")),
            "RESEND_WEBHOOK_SECRET",
        ),
        (None, Some(("SES_FROM", "nobody")), "SES_FROM"),
        (None, Some(("AWS_REGION", "Ireland")), "AWS_REGION"),
        (Some("AWS_SECRET_ACCESS_KEY"), None, "AWS_SECRET_ACCESS_KEY"),
        (None, Some(("SMTP_TLS", "maybe")), "SMTP_TLS"),
        (None, Some(("SMTP_PORT", "many")), "SMTP_PORT"),
        (None, Some(("ONESIGNAL_APP_ID", "x")), "ONESIGNAL_APP_ID"),
        (Some("ONESIGNAL_API_KEY"), None, "ONESIGNAL_API_KEY"),
        (Some("WHATSAPP_ACCESS_TOKEN"), None, "WHATSAPP_ACCESS_TOKEN"),
        (None, Some(("WHATSAPP_TEMPLATE", "Our Template!")), "WHATSAPP_TEMPLATE"),
        (
            None,
            Some(("OPSKNIGHT_TWILIO_BASE_URL", "nowhere")),
            "OPSKNIGHT_TWILIO_BASE_URL",
        ),
        (
            None,
            Some(("OPSKNIGHT_EMAIL_PROVIDERS", "pigeon")),
            "OPSKNIGHT_EMAIL_PROVIDERS",
        ),
        (
            None,
            Some(("OPSKNIGHT_SMS_PROVIDERS", "twilio,smtp")),
            "OPSKNIGHT_SMS_PROVIDERS",
        ),
    ] {
        let (without, with): (Vec<_>, Vec<_>) = (without.into_iter().collect(), with.into_iter().collect());
        let ended = doctor(&place, &vendors, &post, &without, &with).await;
        hushed(&ended);
        let complaint = ended.with_code(2);
        assert!(complaint.contains(&format!("{named}: ")), "{named}: {complaint}");
    }
}

/// A server with all providers set up, whose log says all that there is to say.
async fn talkative(place: &Place, vendors: &Vendors, post: &PostOffice) -> Server {
    let port = post.port.to_string();
    let mut variables: Vec<(&str, &str)> = BASES.map(|name| (name, vendors.base.as_str())).to_vec();
    variables.extend(SECRETS.into_iter().filter(|(name, _)| *name != "SMTP_PASSWORD"));
    // It says where it listens, as long as nothing else is set.
    variables.extend(OTHERS.into_iter().filter(|(name, _)| *name != "OPSKNIGHT_PUBLIC_URL"));
    variables.extend([
        ("SMTP_PORT", port.as_str()),
        ("OPSKNIGHT_LOG", "debug"),
        ("OPSKNIGHT_EMAIL_PROVIDERS", "sendgrid,resend,ses,smtp"),
    ]);
    Server::start(place, &variables).await
}

/// Has Ann paged on every channel.
async fn page_everywhere(api: &Api) {
    let organisation = organisation(api, 5).await;
    let events = integration(api, &organisation.service, "EVENTS_API_V2", json!({})).await;
    let ann = api.all("/api/users?q=ann").await[0]["id"].as_str().unwrap().to_owned();
    let methods = format!("/api/users/{ann}/contact-methods");
    for kind in ["SMS", "VOICE", "WHATSAPP"] {
        api.make(&methods, json!({ "type": kind, "address": ANN })).await;
    }
    let device = json!({ "type": "PUSH", "address": "1d1d1d1d-0a0a-4b4b-8c8c-0d0d0d0d0d0d" });
    api.make(&methods, device).await;
    let everywhere = ["PUSH", "SMS", "VOICE", "WHATSAPP", "EMAIL", "SLACK"];
    let steps = json!([{ "targets": [{ "type": "USER", "id": ann }], "delayMinutes": 5, "channels": everywhere }]);
    let policy = format!("/api/escalation-policies/{}", organisation.policy);
    api.patch(&policy, json!({ "steps": steps })).await;
    let event = json!({ "event_action": "trigger", "routing_key": events.key,
        "payload": { "summary": "web-01 is wrong", "source": "test", "severity": "critical" } });
    let sent = api
        .http
        .post(format!("{}/v2/enqueue", api.base))
        .json(&event)
        .send()
        .await;
    assert_eq!(sent.unwrap().status(), 202);
}

async fn no_log_tells_a_credential(place: &Place) {
    let (vendors, post) = (Vendors::start().await, PostOffice::start().await);
    // Vendors that repeat what they were sent are the worst that there are.
    let repeating = [
        ("/Messages.json", 400, r#"{"code":1,"message":"no: hush-twilio"}"#),
        ("/Calls.json", 500, "hush-twilio"),
        ("/messages", 400, r#"{"error":{"code":1,"message":"Bearer hush-meta"}}"#),
        ("/notifications", 400, r#"{"errors":["Key os_hush-onesignal"]}"#),
        ("/v3/mail/send", 403, "Bearer SG.hush-sendgrid"),
        ("/emails", 500, "Bearer re_hush-resend"),
    ];
    for (path, status, body) in repeating {
        vendors.answer_instead(path, Instead::of(status, body));
    }
    let mut server = talkative(place, &vendors, &post).await;
    let api = Api::of(place, &server).await;
    page_everywhere(&api).await;
    for (path, ..) in repeating {
        wait_until(&format!("{path} is called"), SOON, async || {
            vendors.calls(path).first().cloned()
        })
        .await;
    }
    // The mail goes out by the third of its providers in the end.
    let tried = async || {
        let all = api.all("/api/notifications").await;
        let mail = all
            .iter()
            .find(|one| one["channel"] == "EMAIL" && one["status"] == "SENT")?;
        Some(mail["tries"].clone())
    };
    assert_eq!(wait_until("the mail is taken", SOON, tried).await, 3);
    let saved = json!({ "provider": "SENDGRID", "apiKey": "SG.hush-sendgrid", "from": "pages@example.com" });
    api.patch("/api/settings/notifications/email", saved).await;
    let incident = api.all("/api/incidents").await[0]["id"].as_str().unwrap().to_owned();
    let mut told = vec![api.get("/api/settings/notifications/email").await.to_string()];
    for path in [
        "/api/notifications".to_owned(),
        "/api/audit-log".to_owned(),
        format!("/api/incidents/{incident}/timeline"),
    ] {
        told.push(format!("{:?}", api.all(&path).await));
    }
    assert!(server.terminate().await.success());
    told.push(server.lines().join("\n"));
    for text in told {
        assert!(!text.contains("hush"), "{text}");
    }
}
