//! What the settings of providers are called on pages, and what helps to find them. Which there are stands in the table
//! of the API; a test holds that each of them has a name here.

/// What a setting is called, and a hint, which may be empty.
pub(super) fn field(provider: &str, name: &str) -> (&'static str, &'static str) {
    match (provider, name) {
        ("SMTP", _) => smtp(name),
        ("RESEND", "apiKey") => ("API key", "re_…, from Resend's page API Keys."),
        ("SENDGRID", "apiKey") => ("API key", "SG.…, with the permission Mail Send."),
        ("ONESIGNAL", "apiKey") => ("API key", "From OneSignal, Settings, Keys & IDs."),
        ("META", _) => meta(name),
        ("TWILIO", _) => twilio(name),
        ("SLACK", _) => slack(name),
        (_, "apiKey") => ("API key", ""),
        (_, "from") => FROM,
        (_, "webhookSecret") => (
            "Signing secret of its webhook",
            "whsec_…: with it Resend proves that a report of a bounce is its own.",
        ),
        (_, "webhookPublicKey") => (
            "Verification key of its event webhook",
            "With it SendGrid proves that a report of a bounce is its own.",
        ),
        (_, "region") => ("Region", "Such as eu-central-1."),
        (_, "accessKeyId") => ("Access key ID", ""),
        (_, "secretAccessKey") => ("Secret access key", ""),
        (_, "sessionToken") => ("Session token", "Only with a temporary access key."),
        (_, "topicArn") => (
            "ARN of the topic",
            "arn:aws:sns:…: the topic by which SES reports bounces.",
        ),
        (_, "senderId") => (
            "Sender ID",
            "The name that messages come from, in countries that allow one.",
        ),
        (_, "appId") => ("App ID", "From OneSignal, Settings, Keys & IDs."),
        _ => ("", ""),
    }
}

const FROM: (&str, &str) = ("From", "noreply@example.com, or Paging <noreply@example.com>.");

fn smtp(name: &str) -> (&'static str, &'static str) {
    match name {
        "host" => ("Mail server", "Its name or address, such as smtp.example.com."),
        "port" => ("Port", "Empty: 587 with STARTTLS, 465 with TLS, 25 without."),
        "tls" => ("Encryption", ""),
        "user" => ("User name", "Empty: the server asks for none."),
        "password" => ("Password", ""),
        "from" => FROM,
        _ => ("", ""),
    }
}

fn twilio(name: &str) -> (&'static str, &'static str) {
    match name {
        "accountSid" => ("Account SID", "AC…, from the first page of Twilio's console."),
        "authToken" => ("Auth token", "What Twilio reports is checked with it too."),
        "phoneNumber" => ("Number that sends", "With its country code, such as +14155550100."),
        "messagingServiceSid" => (
            "Messaging Service SID",
            "MG…: a service that picks the number, in the place of one.",
        ),
        "contentSid" => (
            "Content SID of the template",
            "HX…: the template below, once WhatsApp has approved it.",
        ),
        _ => ("", ""),
    }
}

fn meta(name: &str) -> (&'static str, &'static str) {
    match name {
        "phoneNumberId" => (
            "Phone number ID",
            "From the app's page WhatsApp, API Setup; not the number itself.",
        ),
        "accessToken" => ("Access token", "Of a system user, so that it does not end."),
        "appSecret" => (
            "App secret",
            "From App settings, Basic: with it Meta proves that a reply is its own.",
        ),
        "verifyToken" => (
            "Verify token",
            "Any word that you make up. Meta asks for the same beside the callback URL.",
        ),
        "template" => (
            "Template",
            "The name of the template below, once it is approved. Without it only people who wrote to the number \
             within the last day are reached.",
        ),
        "templateLanguage" => ("Language of the template", "Such as en_US."),
        _ => ("", ""),
    }
}

fn slack(name: &str) -> (&'static str, &'static str) {
    match name {
        "clientId" => ("Client ID", ""),
        "clientSecret" => ("Client secret", ""),
        "signingSecret" => (
            "Signing secret",
            "With it Slack proves that a pressed button is its own.",
        ),
        _ => ("", ""),
    }
}

/// What a setting is called that the sender names by its variable in the environment: `TWILIO_AUTH_TOKEN` is the
/// provider's `authToken`. Empty where it is none of them.
pub(super) fn of_variable(provider: &str, variable: &str) -> &'static str {
    let (_, rest) = variable.split_once('_').unwrap_or(("", variable));
    let mut name = String::new();
    for (n, word) in rest.split('_').enumerate() {
        let word = word.to_ascii_lowercase();
        match word.split_at_checked(1) {
            Some((first, rest)) if n > 0 => name.extend([&first.to_ascii_uppercase(), rest]),
            Some(_) | None => name.push_str(&word),
        }
    }
    [variable, name.as_str()]
        .into_iter()
        .map(|name| field(provider, name).0)
        .find(|label| !label.is_empty())
        .unwrap_or_default()
}

/// What a word of a choice is called.
pub(super) fn choice(word: &'static str) -> &'static str {
    match word {
        "starttls" => "STARTTLS",
        "tls" => "TLS from the first byte",
        "none" => "None",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use opsknight_domain::directory::Channel;

    use crate::api::settings::providers::{Kind, ways};

    #[test]
    fn a_variable_of_the_environment_is_told_by_its_setting() {
        assert_eq!(super::of_variable("TWILIO", "TWILIO_AUTH_TOKEN"), "Auth token");
        assert_eq!(super::of_variable("SMTP", "SMTP_HOST"), "Mail server");
        assert_eq!(super::of_variable("META", "accessToken"), "Access token");
        assert_eq!(super::of_variable("SMTP", "OTHER_THING"), "");
    }

    #[test]
    fn every_setting_has_a_name() {
        for channel in Channel::ALL {
            for provider in ways(channel).providers {
                for field in provider.fields {
                    let (label, _) = super::field(provider.word, field.name);
                    assert!(!label.is_empty(), "{} {}", provider.word, field.name);
                    if let Kind::Choice(words) = field.kind {
                        assert!(words.iter().all(|word| super::choice(word) != *word));
                    }
                }
            }
        }
    }
}
