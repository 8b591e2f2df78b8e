//! What an administrator must enter at a provider, so that it can tell us what became of a message and what people
//! answered.

use opsknight_domain::directory::Channel;

use crate::{state::AppState, views::Paste};

/// The text of the template that pages by WhatsApp need. It is written down at `opsknight_channels::whatsapp`.
const WHATSAPP_TEMPLATE: &str = "Message from OpsKnight: {{1}}\nYou get this because you are on call or asked for it.";

/// What must be entered at this provider.
pub(super) fn pastes(state: &AppState, channel: Channel, provider: &str, prefix: &str) -> Vec<Paste> {
    let paste = |name: &str, title: &str, says: &str, text: String| Paste {
        id: format!("{prefix}{provider}-{name}").replace('.', "-"),
        title: title.to_owned(),
        says: says.to_owned(),
        long: text.contains('\n'),
        text,
    };
    let template = |says: &str| {
        let title = "Text of the template";
        paste("template-text", title, says, WHATSAPP_TEMPLATE.to_owned())
    };
    match (channel, provider) {
        (Channel::Sms, "TWILIO") => vec![paste(
            "callback",
            "Where replies go",
            "At Twilio: Phone Numbers, your number, Messaging, “A message comes in”: Webhook, HTTP POST. Then “ack 4217” by \
             text message acknowledges.",
            state.link("/api/twilio/sms"),
        )],
        (Channel::Whatsapp, "TWILIO") => vec![
            paste(
                "callback",
                "Where replies go",
                "At Twilio: Messaging, Senders, WhatsApp senders, your number, “Webhook URL for incoming messages”.",
                state.link("/api/twilio/sms"),
            ),
            template(
                "Make it at Twilio in the Content Template Builder, with one variable, and submit it for approval.",
            ),
        ],
        (Channel::Whatsapp, "META") => vec![
            paste(
                "callback",
                "Callback URL",
                "At Meta: your app, WhatsApp, Configuration, Webhook. Enter the verify token from above beside it, and \
                 subscribe to the field “messages”. Save here first: Meta asks for the token at once.",
                state.link("/api/whatsapp/webhook"),
            ),
            template(
                "Make it in Meta's WhatsApp Manager, of the category Utility. Quick replies with the texts Acknowledge \
                 and Resolve may be added to it.",
            ),
        ],
        (Channel::Email, "SENDGRID") => vec![paste(
            "callback",
            "Where bounces are reported",
            "At SendGrid: Settings, Mail Settings, Event Webhooks, Post URL. Choose Bounced, Dropped and Spam Reports, and \
             switch the signed event webhook on.",
            state.link("/api/email/sendgrid"),
        )],
        (Channel::Email, "RESEND") => vec![paste(
            "callback",
            "Where bounces are reported",
            "At Resend: Webhooks, Add endpoint, with the events email.bounced and email.complained.",
            state.link("/api/email/resend"),
        )],
        (Channel::Email, "SES") => vec![paste(
            "callback",
            "Where bounces are reported",
            "At Amazon: an SNS topic with an HTTPS subscription to this address, and in SES the notifications Bounce and \
             Complaint of your identity to that topic.",
            state.link("/api/email/ses"),
        )],
        (_, _) => Vec::new(),
    }
}
