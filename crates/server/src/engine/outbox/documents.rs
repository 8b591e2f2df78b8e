//! A provider's settings as they are kept, one JSON document, turned into the channel that sends by them.
//!
//! The names are those of the API (`web/api/settings`); what the environment sets up has the same form.

use std::sync::Arc;

use opsknight_channels::{
    AwsAccount, Channel as Way, DeliveryError, Problem, Secret, Vendors,
    email::{Resend, ResendSettings, SendGrid, SendGridSettings, Ses, SesSettings, Smtp, SmtpSettings, Tls, events},
    push::onesignal::{OneSignal, OneSignalSettings},
    sms::{
        sns::{SnsSms, SnsSmsSettings},
        twilio::{TwilioSms, TwilioSmsSettings},
    },
    tls::Roots,
    twilio::TwilioAccount,
    voice::{TwilioVoice, TwilioVoiceSettings},
    whatsapp::{MetaSettings, MetaWhatsapp, TwilioWhatsapp, TwilioWhatsappSettings},
};
use opsknight_domain::directory::Channel;
use serde_json::Value;
use url::Url;

use crate::config::{Bases, Providers as Environment};

/// What all providers are made with.
pub(super) struct Tools {
    /// Calls vendors.
    pub(super) vendors: Vendors,
    /// Whom encrypted lines trust.
    pub(super) roots: Roots,
    /// Where vendors are.
    pub(super) bases: Bases,
    /// Where they reach us.
    pub(super) public_url: Url,
}

/// One provider's document.
#[derive(Clone, Copy)]
struct Document<'a>(&'a Value);

impl Document<'_> {
    fn optional(self, name: &str) -> Option<String> {
        let text = self.0[name].as_str().map(str::trim);
        text.filter(|text| !text.is_empty()).map(str::to_owned)
    }

    fn text(self, name: &'static str) -> Result<String, DeliveryError> {
        let missing = || Problem {
            field: name,
            why: "is missing".into(),
        };
        Ok(self.optional(name).ok_or_else(missing)?)
    }

    fn secret(self, name: &'static str) -> Result<Secret, DeliveryError> {
        self.text(name).map(Secret::new)
    }

    fn optional_secret(self, name: &str) -> Option<Secret> {
        self.optional(name).map(Secret::new)
    }
}

/// The documents of a channel's providers in what is kept for it: the first one, and the one that stands in for it.
pub(super) fn documents(kept: &Value) -> Vec<Value> {
    let mut first = kept.clone();
    let second = first.as_object_mut().and_then(|first| first.remove("second"));
    std::iter::once(first).chain(second.filter(Value::is_object)).collect()
}

/// The provider of this document, ready to send.
pub(super) fn open(channel: Channel, document: &Value, tools: &Tools) -> Result<Arc<dyn Way>, DeliveryError> {
    let document = Document(document);
    let provider = document.optional("provider").unwrap_or_default();
    match (channel, provider.as_str()) {
        (Channel::Email, "SMTP") => smtp(document, tools),
        (Channel::Email, "SENDGRID") => Ok(Arc::new(SendGrid::new(
            &SendGridSettings {
                api_key: document.secret("apiKey")?,
                from: sender(document, tools),
                base_url: tools.bases.sendgrid.clone(),
            },
            &tools.vendors,
        )?)),
        (Channel::Email, "RESEND") => Ok(Arc::new(Resend::new(
            &ResendSettings {
                api_key: document.secret("apiKey")?,
                from: sender(document, tools),
                base_url: tools.bases.resend.clone(),
            },
            &tools.vendors,
        )?)),
        (Channel::Email, "SES") => Ok(Arc::new(Ses::new(
            &SesSettings {
                account: aws(document, tools.bases.ses.clone())?,
                from: sender(document, tools),
            },
            &tools.vendors,
        )?)),
        (Channel::Sms, _) => sms(&provider, document, tools),
        (Channel::Voice, "TWILIO") => Ok(Arc::new(TwilioVoice::new(
            &TwilioVoiceSettings {
                account: twilio(document, tools)?,
                phone_number: document.text("phoneNumber")?,
                public_url: Some(tools.public_url.clone()),
            },
            &tools.vendors,
        )?)),
        (Channel::Whatsapp, _) => whatsapp(&provider, document, tools),
        (Channel::Push, "ONESIGNAL") => Ok(Arc::new(OneSignal::new(
            &OneSignalSettings {
                app_id: document.text("appId")?,
                api_key: document.secret("apiKey")?,
                base_url: tools.bases.onesignal.clone(),
            },
            &tools.vendors,
        )?)),
        (Channel::Email | Channel::Voice | Channel::Push | Channel::Slack, _) => Err(unknown(channel, &provider)),
    }
}

fn unknown(channel: Channel, provider: &str) -> DeliveryError {
    DeliveryError::Misconfigured {
        field: "provider",
        why: format!("{provider} is no provider for {}", channel.name()),
    }
}

fn sms(provider: &str, document: Document<'_>, tools: &Tools) -> Result<Arc<dyn Way>, DeliveryError> {
    match provider {
        "TWILIO" => Ok(Arc::new(TwilioSms::new(
            &TwilioSmsSettings {
                account: twilio(document, tools)?,
                phone_number: document.optional("phoneNumber"),
                messaging_service_sid: document.optional("messagingServiceSid"),
                public_url: Some(tools.public_url.clone()),
            },
            &tools.vendors,
        )?)),
        "AWS_SNS" => Ok(Arc::new(SnsSms::new(
            &SnsSmsSettings {
                account: aws(document, tools.bases.sns.clone())?,
                sender_id: document.optional("senderId"),
            },
            &tools.vendors,
        )?)),
        other => Err(unknown(Channel::Sms, other)),
    }
}

fn whatsapp(provider: &str, document: Document<'_>, tools: &Tools) -> Result<Arc<dyn Way>, DeliveryError> {
    match provider {
        "META" => Ok(Arc::new(MetaWhatsapp::new(
            &MetaSettings {
                phone_number_id: document.text("phoneNumberId")?,
                access_token: document.secret("accessToken")?,
                template: document.optional("template"),
                template_language: document.optional("templateLanguage").unwrap_or_else(|| "en_US".into()),
                base_url: tools.bases.whatsapp.clone(),
            },
            &tools.vendors,
        )?)),
        "TWILIO" => Ok(Arc::new(TwilioWhatsapp::new(
            &TwilioWhatsappSettings {
                account: twilio(document, tools)?,
                phone_number: document.text("phoneNumber")?,
                content_sid: document.optional("contentSid"),
                public_url: Some(tools.public_url.clone()),
            },
            &tools.vendors,
        )?)),
        other => Err(unknown(Channel::Whatsapp, other)),
    }
}

fn twilio(document: Document<'_>, tools: &Tools) -> Result<TwilioAccount, DeliveryError> {
    Ok(TwilioAccount {
        account_sid: document.text("accountSid")?,
        auth_token: document.secret("authToken")?,
        base_url: tools.bases.twilio.clone(),
    })
}

fn aws(document: Document<'_>, endpoint: Option<Url>) -> Result<AwsAccount, DeliveryError> {
    Ok(AwsAccount {
        region: document.text("region")?,
        access_key_id: document.text("accessKeyId")?,
        secret_access_key: document.secret("secretAccessKey")?,
        session_token: document.optional_secret("sessionToken"),
        endpoint,
    })
}

/// The sender of mails; without one, a name on our own host.
fn sender(document: Document<'_>, tools: &Tools) -> String {
    let own = || format!("opsknight@{}", tools.public_url.host_str().unwrap_or("localhost"));
    document.optional("from").unwrap_or_else(own)
}

fn smtp(document: Document<'_>, tools: &Tools) -> Result<Arc<dyn Way>, DeliveryError> {
    let word = document.optional("tls").unwrap_or_else(|| "starttls".into());
    let tls = Tls::from_word(&word.to_lowercase()).ok_or_else(|| Problem {
        field: "SMTP_TLS",
        why: "must be none, starttls or tls".into(),
    })?;
    let host = document.optional("host").unwrap_or_default();
    let port = document.0["port"].as_u64().and_then(|port| u16::try_from(port).ok());
    let settings = SmtpSettings {
        port: port.unwrap_or_else(|| tls.default_port()),
        tls,
        user: document.optional("user"),
        password: document.optional_secret("password"),
        from: document.optional("from").unwrap_or_else(|| format!("opsknight@{host}")),
        host,
    };
    Ok(Arc::new(Smtp::new(&settings, &tools.roots)?))
}

/// The first thing that is wrong with a provider's settings.
///
/// # Errors
/// Which setting, and why it cannot work.
pub(crate) fn check(channel: Channel, document: &Value, bases: &Bases) -> Result<(), DeliveryError> {
    let roots = Roots::of(Vec::new());
    let tools = Tools {
        vendors: Vendors::new(&roots, opsknight_channels::Timeouts::default())?,
        roots,
        bases: bases.clone(),
        public_url: Url::parse("http://localhost").expect("this is a URL"),
    };
    open(channel, document, &tools)?;
    reports_problem([document.clone()])
}

/// The providers that the environment sets up for a channel, for whoever has no database to keep others in.
///
/// # Errors
/// Which setting cannot work, and why.
pub(crate) fn of_environment(
    channel: Channel,
    environment: &Environment,
    public_url: &Url,
) -> Result<Vec<Arc<dyn Way>>, DeliveryError> {
    let roots = Roots::native();
    let tools = Tools {
        vendors: Vendors::new(&roots, opsknight_channels::Timeouts::default())?,
        roots,
        bases: environment.bases.clone(),
        public_url: public_url.clone(),
    };
    let documents = environment.of.get(&channel).into_iter().flatten();
    documents.map(|document| open(channel, document, &tools)).collect()
}

/// What is wrong with the keys by which reports of providers are checked. A mail goes out without them, but nobody would
/// ever learn of one that comes back.
///
/// # Errors
/// Which setting, and why it cannot work.
pub(super) fn reports_problem(documents: impl IntoIterator<Item = Value>) -> Result<(), DeliveryError> {
    for document in documents {
        let document = Document(&document);
        let (field, checked) = match document.optional("provider").as_deref() {
            Some("SENDGRID") => {
                let key = document.optional("webhookPublicKey");
                let checked = key.map_or(Ok(()), |key| events::sendgrid::check_public_key(&key));
                ("SENDGRID_WEBHOOK_PUBLIC_KEY", checked)
            }
            Some("RESEND") => {
                let secret = document.optional_secret("webhookSecret");
                let checked = secret.map_or(Ok(()), |secret| events::resend::check_secret(&secret));
                ("RESEND_WEBHOOK_SECRET", checked)
            }
            Some(_) | None => continue,
        };
        checked.map_err(|why| Problem { field, why })?;
    }
    Ok(())
}
