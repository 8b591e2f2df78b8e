//! What comes back by the media that messages go out by, and the addresses that people and browsers give.
//!
//! Whoever sends it has shown nothing yet when it is read: nothing may panic, nothing may be believed, and what is
//! understood must be fit to be kept and to be called.

use arbitrary::{Arbitrary, Result, Unstructured};
use http::HeaderMap;
use jiff::Timestamp;
use opsknight_channels::{
    Secret, commands, email,
    guard::{check_url, closed},
    push::web::Subscription,
    rooms::telegram,
    slack, twilio, whatsapp,
};

use super::{SECRET, headers};

/// A call by one of the media, before it is known whose it is.
#[derive(Debug)]
pub struct Reply {
    /// Which medium, as an index that is taken modulo their number.
    pub medium: u8,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
}

/// As calls of sources: numbers first, so that a seed is some zeros before a body.
impl<'a> Arbitrary<'a> for Reply {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        Ok(Self {
            medium: u.arbitrary()?,
            headers: headers(u)?,
            body: u.bytes(u.len())?.to_vec(),
        })
    }
}

/// The media, in the order of their numbers.
const MEDIA: [fn(&Reply); 6] = [text, twilio, slack, telegram, whatsapp, mail];

impl Reply {
    /// Reads the call as its medium does, and checks what comes of it.
    pub fn check(&self) {
        MEDIA[usize::from(self.medium) % MEDIA.len()](self);
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }

    fn form(&self) -> Vec<(String, String)> {
        form_urlencoded::parse(&self.body).into_owned().collect()
    }
}

fn now() -> Timestamp {
    Timestamp::from_second(1_700_000_000).expect("a time")
}

fn text(reply: &Reply) {
    if let Some(command) = commands::parse(&reply.text()) {
        let words = format!("{command:?}");
        assert!(words.len() < 200, "a command is short: {words}");
    }
}

fn twilio(reply: &Reply) {
    use twilio::incoming::{CallStatus, Inbound, MessageStatus, Pressed, verify};
    let params = reply.form();
    let url = format!("https://ok.example/api/twilio/sms?{}", reply.header("x-request-uuid"));
    assert!(
        !verify(&Secret::new(SECRET), &url, &params, reply.header("x-signature")),
        "nobody guesses a signature"
    );
    if let Ok(inbound) = Inbound::of(&params) {
        let _ = commands::parse(&inbound.text);
    }
    drop((
        MessageStatus::of(&params),
        CallStatus::of(&params),
        Pressed::of(&params),
    ));
}

fn slack(reply: &Reply) {
    use slack::incoming::{Command, Event, Interaction, verify};
    let signature = reply.header("x-signature");
    let verdict = verify(
        &Secret::new(SECRET),
        reply.header("x-timestamp"),
        signature,
        &reply.body,
        now(),
    );
    assert!(verdict.is_err(), "nobody guesses a signature");
    drop((
        Command::read(&reply.body),
        Event::read(&reply.body),
        Interaction::read(&reply.body),
    ));
}

fn telegram(reply: &Reply) {
    use telegram::incoming::{parse, verify};
    assert!(
        !verify(&Secret::new(SECRET), reply.header("x-signature")),
        "a text with spaces is no secret of Telegram's"
    );
    drop(parse(&reply.body));
}

fn whatsapp(reply: &Reply) {
    use whatsapp::incoming::{handshake, parse, verify};
    let secret = Secret::new(SECRET);
    assert!(
        !verify(&secret, reply.header("x-hub-signature-256"), &reply.body),
        "nobody guesses a signature"
    );
    if let Some(echo) = handshake(&secret, &reply.form()) {
        assert!(
            reply.form().iter().any(|(_, value)| *value == echo),
            "what is echoed came with the word"
        );
    }
    drop(parse(&reply.body));
}

fn mail(reply: &Reply) {
    use email::events::{resend, sendgrid, ses};
    // The key of an example of SendGrid's own; the other half of it is not ours.
    const KEY: &str = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE83T4O/n84iotIvIW4mdBgQ/7dAfSmpqIM8kF9mN1flpVKS3GRqe62gw+2fNNRaINXvVpiglSI8eNEc6wEA3F+g==";
    let (headers, body) = (&reply.headers, &reply.body);
    assert!(resend::verify(&Secret::new("whsec_SXQgaXMgYSBzZWNyZXQ="), headers, body, now()).is_err());
    assert!(sendgrid::verify(KEY, headers, body, now()).is_err());
    let _ = (
        resend::check_secret(&Secret::new(reply.text())),
        sendgrid::check_public_key(&reply.text()),
    );
    drop((resend::parse(body), sendgrid::parse(body), ses::parse(&reply.text())));
}

/// An address of some kind.
#[derive(Debug, Arbitrary)]
pub struct Address {
    /// Which kind, as an index that is taken modulo their number.
    pub kind: u8,
    /// What was typed.
    pub text: String,
}

impl Address {
    /// Reads the address, and checks that it is what it says.
    pub fn check(&self) {
        match self.kind % 4 {
            0 => self.url(),
            1 => self.mail(),
            2 => drop(slack::check_address(&self.text)),
            _ => self.subscription(),
        }
    }

    fn url(&self) {
        let Ok(url) = check_url(&self.text, false) else { return };
        assert!(matches!(url.scheme(), "http" | "https") && url.username().is_empty() && url.password().is_none());
        let host = url.host_str().expect("it has a host");
        let literal = host.trim_matches(['[', ']']).parse();
        assert!(
            literal.ok().is_none_or(|address| closed(address).is_none()),
            "{host} is inside"
        );
        let name = host.trim_end_matches('.');
        assert!(
            name != "localhost" && !name.ends_with(".localhost"),
            "{host} is this machine"
        );
        // Whoever reads it again, reads the same.
        let again = check_url(url.as_str(), false).expect("what was taken is taken again");
        assert_eq!(again, url);
    }

    fn mail(&self) {
        let Ok(address) = email::check_address(&self.text) else {
            return;
        };
        assert!(
            !address.chars().any(|c| c.is_control() || c.is_whitespace()),
            "{address:?} ends no line of a mail"
        );
        assert!(!address.contains(['<', '>', ',', ';']), "{address:?} is one address");
        assert_eq!(
            email::check_address(&address).as_ref(),
            Ok(&address),
            "and is read as itself"
        );
    }

    fn subscription(&self) {
        if let Ok(read) = Subscription::parse(&self.text) {
            assert!(read.origin().starts_with("http"), "{}", read.origin());
        }
    }
}
