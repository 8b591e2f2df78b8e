//! The providers that the environment sets up: who delivers mail, text messages, calls, pushes.
//!
//! What they are is written in the same form in which Settings keeps them, so that the engine reads one form. What is
//! saved in Settings wins over what stands here.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use clap::Args;
use opsknight_domain::directory::Channel;
use opsknight_store::directory::Ways;
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use super::{Wrong, is_blank, wrong};

macro_rules! settings {
    ($($(#[$doc:meta])* $field:ident $variable:literal $value:literal $hide:literal;)*) => {
        /// Providers' settings as they are spelled, like those of [`super::Raw`].
        #[derive(Clone, Default, Args, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct RawProviders {
            $($(#[$doc])* #[arg(long, env = $variable, value_name = $value, hide_env_values = $hide)]
            pub $field: Option<String>,)*
        }

        impl RawProviders {
            /// The names of these settings in `opsknight.toml`.
            pub(super) const NAMES: &[&str] = &[$(stringify!($field)),*];

            /// Fills in what is missing from a file.
            pub(super) fn or(self, file: Self) -> Self {
                Self { $($field: self.$field.filter(|value| !is_blank(value)).or(file.$field),)* }
            }
        }
    };
}

settings! {
    /// Mail server [file: smtp_host]
    smtp_host "SMTP_HOST" "HOST" false;
    /// Its port [default: 587, 465 with tls, 25 with none] [file: smtp_port]
    smtp_port "SMTP_PORT" "PORT" false;
    /// User at the mail server [file: smtp_user]
    smtp_user "SMTP_USER" "USER" false;
    /// Password at the mail server [file: smtp_password]
    smtp_password "SMTP_PASSWORD" "PASSWORD" true;
    /// Sender of mails, of all providers where they have none of their own [file: smtp_from]
    smtp_from "SMTP_FROM" "ADDRESS" false;
    /// none, starttls or tls [default: starttls] [file: smtp_tls]
    smtp_tls "SMTP_TLS" "MODE" false;
    /// Resend's key [file: resend_api_key]
    resend_api_key "RESEND_API_KEY" "KEY" true;
    /// Sender of mails through Resend [file: resend_from]
    resend_from "RESEND_FROM" "ADDRESS" false;
    /// The signing secret of Resend's webhook, which reports bounces [file: resend_webhook_secret]
    resend_webhook_secret "RESEND_WEBHOOK_SECRET" "SECRET" true;
    /// SendGrid's key [file: sendgrid_api_key]
    sendgrid_api_key "SENDGRID_API_KEY" "KEY" true;
    /// Sender of mails through SendGrid [file: sendgrid_from]
    sendgrid_from "SENDGRID_FROM" "ADDRESS" false;
    /// The verification key of SendGrid's event webhook, which reports bounces [file: sendgrid_webhook_public_key]
    sendgrid_webhook_public_key "SENDGRID_WEBHOOK_PUBLIC_KEY" "KEY" false;
    /// Sender of mails through Amazon SES; without it SES is not used [file: ses_from]
    ses_from "SES_FROM" "ADDRESS" false;
    /// The SNS topic by which SES reports bounces [file: ses_topic_arn]
    ses_topic_arn "SES_TOPIC_ARN" "ARN" false;
    /// Which providers deliver mail, the first one first, by comma: smtp, resend, sendgrid, ses [file: email_providers]
    email_providers "OPSKNIGHT_EMAIL_PROVIDERS" "LIST" false;
    /// Which providers deliver text messages: twilio, aws_sns [file: sms_providers]
    sms_providers "OPSKNIGHT_SMS_PROVIDERS" "LIST" false;
    /// Twilio's account [file: twilio_account_sid]
    twilio_account_sid "TWILIO_ACCOUNT_SID" "SID" false;
    /// Its token [file: twilio_auth_token]
    twilio_auth_token "TWILIO_AUTH_TOKEN" "TOKEN" true;
    /// The number from which text messages and calls come [file: twilio_phone_number]
    twilio_phone_number "TWILIO_PHONE_NUMBER" "NUMBER" false;
    /// A messaging service instead of a number [file: twilio_messaging_service_sid]
    twilio_messaging_service_sid "TWILIO_MESSAGING_SERVICE_SID" "SID" false;
    /// The number from which WhatsApp messages come [file: twilio_whatsapp_number]
    twilio_whatsapp_number "TWILIO_WHATSAPP_NUMBER" "NUMBER" false;
    /// The template of WhatsApp messages [file: twilio_whatsapp_content_sid]
    twilio_whatsapp_content_sid "TWILIO_WHATSAPP_CONTENT_SID" "SID" false;
    /// Amazon's region [file: aws_region]
    aws_region "AWS_REGION" "REGION" false;
    /// Amazon's key: SNS delivers text messages, SES mail [file: aws_access_key_id]
    aws_access_key_id "AWS_ACCESS_KEY_ID" "ID" false;
    /// Its secret [file: aws_secret_access_key]
    aws_secret_access_key "AWS_SECRET_ACCESS_KEY" "KEY" true;
    /// The token of temporary keys [file: aws_session_token]
    aws_session_token "AWS_SESSION_TOKEN" "TOKEN" true;
    /// From whom text messages through SNS come, where countries allow a name [file: aws_sns_sender_id]
    aws_sns_sender_id "AWS_SNS_SENDER_ID" "NAME" false;
    /// Where SES is instead of at Amazon [file: aws_endpoint_url_sesv2]
    aws_endpoint_url_sesv2 "AWS_ENDPOINT_URL_SESV2" "URL" false;
    /// OneSignal's app [file: onesignal_app_id]
    onesignal_app_id "ONESIGNAL_APP_ID" "ID" false;
    /// Its key [file: onesignal_api_key]
    onesignal_api_key "ONESIGNAL_API_KEY" "KEY" true;
    /// The app in Slack [file: slack_client_id]
    slack_client_id "SLACK_CLIENT_ID" "ID" false;
    /// Its secret [file: slack_client_secret]
    slack_client_secret "SLACK_CLIENT_SECRET" "SECRET" true;
    /// What Slack signs its calls with [file: slack_signing_secret]
    slack_signing_secret "SLACK_SIGNING_SECRET" "SECRET" true;
    /// The token of a workspace that was connected by hand [file: slack_bot_token]
    slack_bot_token "SLACK_BOT_TOKEN" "TOKEN" true;
    /// The conversation that is told where a service names none [file: slack_default_channel]
    slack_default_channel "SLACK_DEFAULT_CHANNEL" "CHANNEL" false;
    /// The number of WhatsApp's Cloud API [file: whatsapp_phone_number_id]
    whatsapp_phone_number_id "WHATSAPP_PHONE_NUMBER_ID" "ID" false;
    /// Its token [file: whatsapp_access_token]
    whatsapp_access_token "WHATSAPP_ACCESS_TOKEN" "TOKEN" true;
    /// What Meta signs its calls with [file: whatsapp_app_secret]
    whatsapp_app_secret "WHATSAPP_APP_SECRET" "SECRET" true;
    /// The word by which Meta checks the webhook [file: whatsapp_verify_token]
    whatsapp_verify_token "WHATSAPP_VERIFY_TOKEN" "WORD" true;
    /// The approved template of pages [file: whatsapp_template]
    whatsapp_template "WHATSAPP_TEMPLATE" "NAME" false;
    /// Its language [default: en_US] [file: whatsapp_template_language]
    whatsapp_template_language "WHATSAPP_TEMPLATE_LANGUAGE" "CODE" false;
    /// Where Twilio is [default: https://api.twilio.com] [file: twilio_base_url]
    twilio_base_url "OPSKNIGHT_TWILIO_BASE_URL" "URL" false;
    /// Where SendGrid is, https://api.eu.sendgrid.com in Europe [default: https://api.sendgrid.com] [file: sendgrid_base_url]
    sendgrid_base_url "OPSKNIGHT_SENDGRID_BASE_URL" "URL" false;
    /// Where Resend is [default: https://api.resend.com] [file: resend_base_url]
    resend_base_url "OPSKNIGHT_RESEND_BASE_URL" "URL" false;
    /// Where OneSignal is [default: https://api.onesignal.com] [file: onesignal_base_url]
    onesignal_base_url "OPSKNIGHT_ONESIGNAL_BASE_URL" "URL" false;
    /// Where Slack's API is [default: https://slack.com/api] [file: slack_base_url]
    slack_base_url "OPSKNIGHT_SLACK_BASE_URL" "URL" false;
    /// Where Telegram's API is [default: https://api.telegram.org] [file: telegram_base_url]
    telegram_base_url "OPSKNIGHT_TELEGRAM_BASE_URL" "URL" false;
    /// Where Meta's API is [default: https://graph.facebook.com] [file: whatsapp_base_url]
    whatsapp_base_url "OPSKNIGHT_WHATSAPP_BASE_URL" "URL" false;
}

impl fmt::Debug for RawProviders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawProviders").finish_non_exhaustive()
    }
}

/// Where vendors are instead of at their own addresses.
#[derive(Debug, Clone, Default)]
pub struct Bases {
    /// Twilio.
    pub twilio: Option<Url>,
    /// SendGrid.
    pub sendgrid: Option<Url>,
    /// Resend.
    pub resend: Option<Url>,
    /// OneSignal.
    pub onesignal: Option<Url>,
    /// Slack's API.
    pub slack: Option<Url>,
    /// Telegram.
    pub telegram: Option<Url>,
    /// Meta.
    pub whatsapp: Option<Url>,
    /// Amazon SNS.
    pub sns: Option<Url>,
    /// Amazon SES.
    pub ses: Option<Url>,
}

/// What the environment sets up.
#[derive(Clone, Default)]
pub struct Providers {
    /// The providers of each channel, the first one first, in the form of Settings.
    pub of: BTreeMap<Channel, Vec<Value>>,
    /// The app in Slack, in the form of Settings.
    pub slack_app: Option<Value>,
    /// A token of a workspace in Slack, and the conversation that is told where a service names none.
    pub slack_workspace: Option<(String, Option<String>)>,
    /// Where vendors are.
    pub bases: Bases,
    /// The names of the variables that are in force, each once; of providers of one channel in the order in which they
    /// are asked.
    pub names: Vec<String>,
}

impl fmt::Debug for Providers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Providers")
            .field("names", &self.names)
            .finish_non_exhaustive()
    }
}

impl Providers {
    /// The ways by which people are reached. Browsers are, without anybody setting anything up.
    #[must_use]
    pub fn ways(&self) -> Ways {
        let mut channels: BTreeSet<Channel> = self.of.keys().copied().collect();
        channels.insert(Channel::Push);
        channels.extend(self.slack_workspace.as_ref().map(|_| Channel::Slack));
        let default = self.slack_workspace.as_ref().and_then(|(_, channel)| channel.as_ref());
        Ways {
            channels,
            slack_default: default.is_some(),
        }
    }

    /// Checks what was given.
    pub(super) fn check(raw: &RawProviders, sns: Option<&Url>, aws: Option<&Url>) -> Result<Self, Wrong> {
        let mut found = Self {
            bases: bases(raw, sns, aws)?,
            ..Self::default()
        };
        found.mail(raw)?;
        found.sms(raw)?;
        found.others(raw)?;
        Ok(found)
    }

    fn add(&mut self, channel: Channel, name: &str, settings: Value) {
        self.name(name);
        self.of.entry(channel).or_default().push(settings);
    }

    fn name(&mut self, name: &str) {
        if !self.names.iter().any(|known| known == name) {
            self.names.push(name.to_owned());
        }
    }

    fn mail(&mut self, raw: &RawProviders) -> Result<(), Wrong> {
        let from = |own: &Option<String>| own.clone().or_else(|| raw.smtp_from.clone());
        let port = raw.smtp_port.as_deref().map(str::parse::<u16>).transpose();
        let port = port.map_err(|_| wrong("SMTP_PORT", "must be a number from 1 to 65535"))?;
        let mut ready: Vec<(&str, &str, Value)> = Vec::new();
        if let Some(host) = &raw.smtp_host {
            let settings = json!({
                "provider": "SMTP", "host": host, "port": port, "tls": raw.smtp_tls, "user": raw.smtp_user,
                "password": raw.smtp_password, "from": raw.smtp_from,
            });
            ready.push(("smtp", "SMTP_HOST", settings));
        }
        if let Some(key) = &raw.resend_api_key {
            let settings = json!({
                "provider": "RESEND", "apiKey": key, "from": from(&raw.resend_from),
                "webhookSecret": raw.resend_webhook_secret,
            });
            ready.push(("resend", "RESEND_API_KEY", settings));
        }
        if let Some(key) = &raw.sendgrid_api_key {
            let settings = json!({
                "provider": "SENDGRID", "apiKey": key, "from": from(&raw.sendgrid_from),
                "webhookPublicKey": raw.sendgrid_webhook_public_key,
            });
            ready.push(("sendgrid", "SENDGRID_API_KEY", settings));
        }
        if let Some(sender) = &raw.ses_from {
            let settings = with(
                amazon(raw, "SES")?,
                &json!({ "from": sender, "topicArn": raw.ses_topic_arn }),
            );
            ready.push(("ses", "SES_FROM", settings));
        }
        let chosen = chosen("OPSKNIGHT_EMAIL_PROVIDERS", raw.email_providers.as_deref(), ready)?;
        for (name, settings) in chosen {
            self.add(Channel::Email, name, settings);
        }
        Ok(())
    }

    fn sms(&mut self, raw: &RawProviders) -> Result<(), Wrong> {
        let mut ready: Vec<(&str, &str, Value)> = Vec::new();
        let twilio = twilio(raw)?;
        if let Some(account) = &twilio
            && (raw.twilio_phone_number.is_some() || raw.twilio_messaging_service_sid.is_some())
        {
            let own = json!({
                "phoneNumber": raw.twilio_phone_number, "messagingServiceSid": raw.twilio_messaging_service_sid,
            });
            ready.push(("twilio", "TWILIO_ACCOUNT_SID", with(account.clone(), &own)));
        }
        if raw.aws_region.is_some() && raw.aws_access_key_id.is_some() && raw.aws_secret_access_key.is_some() {
            let own = json!({ "senderId": raw.aws_sns_sender_id });
            ready.push(("aws_sns", "AWS_ACCESS_KEY_ID", with(amazon(raw, "AWS_SNS")?, &own)));
        }
        let chosen = chosen("OPSKNIGHT_SMS_PROVIDERS", raw.sms_providers.as_deref(), ready)?;
        for (name, settings) in chosen {
            self.add(Channel::Sms, name, settings);
        }
        if let (Some(account), Some(number)) = (&twilio, &raw.twilio_phone_number) {
            let settings = with(account.clone(), &json!({ "phoneNumber": number }));
            self.add(Channel::Voice, "TWILIO_PHONE_NUMBER", settings);
        }
        if let (Some(account), Some(number)) = (&twilio, &raw.twilio_whatsapp_number) {
            let own = json!({ "phoneNumber": number, "contentSid": raw.twilio_whatsapp_content_sid });
            self.add(Channel::Whatsapp, "TWILIO_WHATSAPP_NUMBER", with(account.clone(), &own));
        }
        Ok(())
    }

    fn others(&mut self, raw: &RawProviders) -> Result<(), Wrong> {
        match (&raw.onesignal_app_id, &raw.onesignal_api_key) {
            (Some(app), Some(key)) => {
                let settings = json!({ "provider": "ONESIGNAL", "appId": app, "apiKey": key });
                self.add(Channel::Push, "ONESIGNAL_APP_ID", settings);
            }
            (Some(_), None) => return Err(wrong("ONESIGNAL_API_KEY", "is missing: ONESIGNAL_APP_ID is set")),
            (None, Some(_)) => return Err(wrong("ONESIGNAL_APP_ID", "is missing: ONESIGNAL_API_KEY is set")),
            (None, None) => {}
        }
        if let Some(number) = &raw.whatsapp_phone_number_id {
            let token = raw.whatsapp_access_token.as_ref();
            let token =
                token.ok_or_else(|| wrong("WHATSAPP_ACCESS_TOKEN", "is missing: WHATSAPP_PHONE_NUMBER_ID is set"))?;
            let settings = json!({
                "provider": "META", "phoneNumberId": number, "accessToken": token,
                "appSecret": raw.whatsapp_app_secret, "verifyToken": raw.whatsapp_verify_token,
                "template": raw.whatsapp_template, "templateLanguage": raw.whatsapp_template_language,
            });
            self.add(Channel::Whatsapp, "WHATSAPP_PHONE_NUMBER_ID", settings);
        }
        match (&raw.slack_client_id, &raw.slack_client_secret) {
            (Some(_), Some(_)) => self.name("SLACK_CLIENT_ID"),
            (Some(_), None) => return Err(wrong("SLACK_CLIENT_SECRET", "is missing: SLACK_CLIENT_ID is set")),
            (None, Some(_)) => return Err(wrong("SLACK_CLIENT_ID", "is missing: SLACK_CLIENT_SECRET is set")),
            (None, None) => {}
        }
        if raw.slack_signing_secret.is_some() {
            self.name("SLACK_SIGNING_SECRET");
        }
        if raw.slack_client_id.is_some() || raw.slack_signing_secret.is_some() {
            self.slack_app = Some(json!({
                "clientId": raw.slack_client_id, "clientSecret": raw.slack_client_secret,
                "signingSecret": raw.slack_signing_secret,
            }));
        }
        if let Some(token) = &raw.slack_bot_token {
            self.name("SLACK_BOT_TOKEN");
            self.slack_workspace = Some((token.clone(), raw.slack_default_channel.clone()));
        }
        Ok(())
    }
}

/// Some settings with others added to them.
fn with(mut settings: Value, others: &Value) -> Value {
    if let (Some(settings), Some(others)) = (settings.as_object_mut(), others.as_object()) {
        settings.extend(others.clone());
    }
    settings
}

fn twilio(raw: &RawProviders) -> Result<Option<Value>, Wrong> {
    match (&raw.twilio_account_sid, &raw.twilio_auth_token) {
        (Some(sid), Some(token)) => Ok(Some(
            json!({ "provider": "TWILIO", "accountSid": sid, "authToken": token }),
        )),
        (Some(_), None) => Err(wrong("TWILIO_AUTH_TOKEN", "is missing: TWILIO_ACCOUNT_SID is set")),
        (None, Some(_)) => Err(wrong("TWILIO_ACCOUNT_SID", "is missing: TWILIO_AUTH_TOKEN is set")),
        (None, None) => Ok(None),
    }
}

fn amazon(raw: &RawProviders, provider: &str) -> Result<Value, Wrong> {
    let needed = |name: &str, value: &Option<String>| {
        let why = format!("is missing: {provider} needs it");
        value.clone().ok_or_else(|| wrong(name, why))
    };
    Ok(json!({
        "provider": provider,
        "region": needed("AWS_REGION", &raw.aws_region)?,
        "accessKeyId": needed("AWS_ACCESS_KEY_ID", &raw.aws_access_key_id)?,
        "secretAccessKey": needed("AWS_SECRET_ACCESS_KEY", &raw.aws_secret_access_key)?,
        "sessionToken": raw.aws_session_token,
    }))
}

/// The providers that are set up, in the order that was asked for.
fn chosen<'a>(
    setting: &str,
    order: Option<&str>,
    ready: Vec<(&'a str, &'a str, Value)>,
) -> Result<Vec<(&'a str, Value)>, Wrong> {
    let Some(order) = order else {
        return Ok(ready.into_iter().map(|(_, name, settings)| (name, settings)).collect());
    };
    let words = order.split(',').map(str::trim).filter(|word| !word.is_empty());
    words
        .map(|word| {
            let found = ready.iter().find(|(of, ..)| of.eq_ignore_ascii_case(word));
            let (_, name, settings) =
                found.ok_or_else(|| wrong(setting, format!("{word} is not set up, or is no provider")))?;
            Ok((*name, settings.clone()))
        })
        .collect()
}

fn bases(raw: &RawProviders, sns: Option<&Url>, aws: Option<&Url>) -> Result<Bases, Wrong> {
    let base = |name: &str, given: &Option<String>| {
        let Some(text) = given else { return Ok(None) };
        let url = Url::parse(text)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        url.map(Some)
            .ok_or_else(|| wrong(name, format!("{text} is not a URL, like https://api.example.com")))
    };
    let ses = base("AWS_ENDPOINT_URL_SESV2", &raw.aws_endpoint_url_sesv2)?;
    Ok(Bases {
        twilio: base("OPSKNIGHT_TWILIO_BASE_URL", &raw.twilio_base_url)?,
        sendgrid: base("OPSKNIGHT_SENDGRID_BASE_URL", &raw.sendgrid_base_url)?,
        resend: base("OPSKNIGHT_RESEND_BASE_URL", &raw.resend_base_url)?,
        onesignal: base("OPSKNIGHT_ONESIGNAL_BASE_URL", &raw.onesignal_base_url)?,
        slack: base("OPSKNIGHT_SLACK_BASE_URL", &raw.slack_base_url)?,
        telegram: base("OPSKNIGHT_TELEGRAM_BASE_URL", &raw.telegram_base_url)?,
        whatsapp: base("OPSKNIGHT_WHATSAPP_BASE_URL", &raw.whatsapp_base_url)?,
        sns: sns.cloned(),
        ses: ses.or_else(|| aws.cloned()),
    })
}
