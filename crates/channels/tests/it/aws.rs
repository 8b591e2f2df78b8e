//! Amazon's services as moto makes believe, which checks each signature with Amazon's own library.

use opsknight_channels::{
    AwsAccount, Channel as _, DeliveryError, Secret,
    email::{Ses, SesSettings},
    sms::sns::{SnsSms, SnsSmsSettings},
    sms::text::render_one_way,
};
use serde_json::{Value, json};

use crate::{
    conformance::Mood,
    python::Script,
    samples::{hostile, now, page, resolved},
};

const SENDER: &str = "noreply@opsknight.example.com";

struct Aws {
    script: Script,
    ses: SesSettings,
    sns: SnsSmsSettings,
}

impl Aws {
    async fn start() -> Self {
        let mut script = Script::start("aws.py", &[SENDER]);
        let said = script.says().await;
        let of = |name: &str| said[name].as_str().unwrap().to_owned();
        let account = AwsAccount {
            region: "eu-west-1".into(),
            access_key_id: of("key"),
            secret_access_key: Secret::new(of("secret")),
            session_token: None,
            endpoint: Some(of("url").parse().unwrap()),
        };
        Self {
            script,
            ses: SesSettings {
                account: account.clone(),
                from: format!("Paging <{SENDER}>"),
            },
            sns: SnsSmsSettings {
                account,
                sender_id: Some("OpsKnight".into()),
            },
        }
    }

    async fn sent(&mut self, what: &str) -> Vec<Value> {
        let sent = self.script.ask(&json!("what was sent?")).await;
        sent[what].as_array().unwrap().clone()
    }
}

fn field(outcome: &Result<impl std::fmt::Debug, DeliveryError>) -> &'static str {
    match outcome {
        Err(DeliveryError::Misconfigured { field, .. }) => field,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_mail_reaches_ses() {
    let mut aws = Aws::start().await;
    let vendors = Mood::Takes.vendors();
    let ses = Ses::new(&aws.ses, &vendors).unwrap();
    for message in [page(), resolved(), hostile()] {
        let receipt = ses.send("jane@example.com", &message, now()).await.unwrap();
        let mail = aws.sent("mails").await.pop().unwrap();
        assert_eq!(mail["id"].as_str(), receipt.provider_id.as_deref());
        assert_eq!(
            (&mail["source"], &mail["destinations"][0]),
            (&json!(SENDER), &json!("jane@example.com"))
        );
        let raw = mail["raw_data"].as_str().unwrap();
        assert!(
            raw.contains(&format!("X-OpsKnight-Delivery: {}", message.delivery)),
            "{raw}"
        );
    }
    assert!(ses.check().await.unwrap().contains("eu-west-1 answers"));
    let unverified = SesSettings {
        from: "somebody@else.example".into(),
        ..aws.ses.clone()
    };
    let unverified = Ses::new(&unverified, &vendors).unwrap();
    assert_eq!(
        field(&unverified.send("jane@example.com", &page(), now()).await),
        "SES_FROM"
    );
    let mut wrong = aws.ses.clone();
    wrong.account.secret_access_key = Secret::new("not-the-secret");
    // moto says why in XML here, which SES does not: that it is about the key is told by the status alone.
    let wrong = Ses::new(&wrong, &vendors).unwrap();
    assert_eq!(
        field(&wrong.send("jane@example.com", &page(), now()).await),
        "AWS_ACCESS_KEY_ID"
    );
    assert_eq!(aws.sent("mails").await.len(), 3);
}

#[tokio::test]
async fn a_text_reaches_sns() {
    let mut aws = Aws::start().await;
    let vendors = Mood::Takes.vendors();
    let sns = SnsSms::new(&aws.sns, &vendors).unwrap();
    for message in [page(), resolved(), hostile()] {
        let receipt = sns.send("+15555550100", &message, now()).await.unwrap();
        let text = aws.sent("texts").await.pop().unwrap();
        let expected = json!({
            "message_id": receipt.provider_id, "phone_number": "+15555550100", "message": render_one_way(&message)
        });
        assert_eq!(text, expected);
    }
    assert!(sns.check().await.unwrap().contains("knows the key"));
    let mut wrong = aws.sns.clone();
    wrong.account.secret_access_key = Secret::new("not-the-secret");
    let wrong = SnsSms::new(&wrong, &vendors).unwrap();
    assert_eq!(
        field(&wrong.send("+15555550100", &page(), now()).await),
        "AWS_SECRET_ACCESS_KEY"
    );
    assert_eq!(field(&wrong.check().await), "AWS_SECRET_ACCESS_KEY");
    let mut unknown = aws.sns.clone();
    unknown.account.access_key_id = "AKIAIOSFODNN7EXAMPLE".into();
    let unknown = SnsSms::new(&unknown, &vendors).unwrap();
    assert_eq!(
        field(&unknown.send("+15555550100", &page(), now()).await),
        "AWS_ACCESS_KEY_ID"
    );
    assert_eq!(aws.sent("texts").await.len(), 3);
}
