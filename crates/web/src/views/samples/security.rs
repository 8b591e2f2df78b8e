//! Samples of how people sign in.

use super::*;

pub(super) fn pages(k: Kind) -> Vec<Drawn> {
    let forgot = |state| Forgot {
        shell: k.bare("Forgotten password"),
        state,
    };
    let names = k.list(vec![k.text("Jane Doe"), k.text("Ada Lovelace")]);
    let refused = (k == Kind::Hostile).then(|| k.text("There were too many tries."));
    vec![
        draw("login-second", &second(k)),
        draw(
            "forgot",
            &forgot(ForgotState::Ask(k.field("email", "jane@example.com"), refused)),
        ),
        draw("forgot-sent", &forgot(ForgotState::Sent(k.text("jane@example.com")))),
        draw("forgot-no-mail", &forgot(ForgotState::NoMail(names))),
        draw("security", &Security::sample(k)),
        draw("second-step", &setup(k)),
        draw("recovery-codes", &codes(k)),
        draw("settings-sign-in", &SignInSettings::sample(k)),
    ]
}

fn second(k: Kind) -> SecondStep {
    SecondStep {
        shell: k.bare("Enter a code"),
        next: k.text("/incidents"),
        code: k.field("code", "").with(""),
        recovery_code: k.field("recovery_code", "").with(""),
        refused: (k == Kind::Hostile).then(|| k.text("There were too many tries.")),
    }
}

fn setup(k: Kind) -> SecondStepSetup {
    let uri = "otpauth://totp/OpsKnight:jane%40example.com?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=OpsKnight";
    SecondStepSetup {
        shell: k.shell(
            Section::Elsewhere,
            "Set up two-step sign-in",
            "/profile/security/second-step",
        ),
        qr: k.maybe(uri).and_then(QrPicture::of),
        key: "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ".into(),
        uri: uri.into(),
        code: k.field("code", "").with(""),
        refused: (k == Kind::Hostile).then(|| k.text("Begin again")),
    }
}

fn codes(k: Kind) -> RecoveryCodes {
    RecoveryCodes {
        shell: k.shell(
            Section::Elsewhere,
            "Recovery codes",
            "/profile/security/second-step/confirm",
        ),
        codes: (10..20).map(|n| format!("k3xd-9pq2-ab{n}-77zz")).collect(),
        just_on: k != Kind::Empty,
    }
}

fn session(k: Kind, n: i64, device: &str) -> SessionRow {
    SessionRow {
        id: format!("ses_{n}"),
        device: k.text(device),
        address: "192.0.2.7".into(),
        since: at(-n * 3000),
        seen: at(-n * 40),
        current: n == 0,
    }
}

fn passkey(k: Kind, n: i64, title: &str) -> PasskeyRow {
    let id = format!("cred{n}");
    PasskeyRow {
        name: k.field("name", title).within(&id),
        id,
        title: k.text(title),
        created: at(-n * 9000 - 10),
        used: (n > 0).then(|| at(-n * 60)),
    }
}

impl Security {
    fn sample(k: Kind) -> Self {
        Self {
            shell: k.shell(Section::Elsewhere, "Security", "/profile/security"),
            provider_only: None,
            second: k.maybe(SecondStepState {
                since: at(-50_000),
                codes_left: if k == Kind::Hostile { 1 } else { 8 },
            }),
            proof: k.field("proof", "").with(""),
            passkeys: k.list(vec![passkey(k, 0, "Laptop"), passkey(k, 1, "Phone")]),
            no_passkeys: (k == Kind::Empty).then_some("Browsers make passkeys only where a site is reached by https."),
            passkey_name: Field::new("name").within("passkey"),
            has_password: k != Kind::Empty,
            current_password: Field::new("current_password"),
            new_password: Field::new("new_password"),
            sessions: vec![session(k, 0, "Firefox on Linux"), session(k, 1, "Safari on iPhone")],
            refused: (k == Kind::Hostile).then(|| k.text("Nothing was changed.")),
        }
    }
}

pub(super) fn access(k: Kind) -> Access {
    Access {
        second: k.maybe(at(-50_000)),
        passkeys: k.list(vec![passkey(k, 0, "Laptop")]),
        sessions: k.list(vec![
            session(k, 1, "Firefox on Linux"),
            session(k, 2, "Safari on iPhone"),
        ]),
    }
}

pub(super) fn invitations(k: Kind) -> Vec<InvitationRow> {
    let row = |n: usize, link| InvitationRow {
        id: format!("usr_{n}"),
        name: k.person(n).name,
        email: k.text("grace@example.com"),
        by: k.text("Jane Doe"),
        link,
    };
    vec![row(2, Some((at(-300), at(9_000)))), row(5, None)]
}

impl SignInSettings {
    fn sample(k: Kind) -> Self {
        let answer = "https://id.example.com sends people to https://id.example.com/auth and signs with 2 keys";
        Self {
            shell: k.shell(Section::Settings, "Sign-in", "/settings/sign-in"),
            redirect_url: "https://ops.example.com/login/oidc/callback".into(),
            issuer: k.field("issuer", "https://id.example.com"),
            client_id: k.field("client_id", "opsknight"),
            client_secret: Field::new("client_secret"),
            secret_saved: k != Kind::Empty,
            name: k.field("name", "Acme"),
            domains: k.field("domains", "example.com"),
            admit: Field::new("admit").with("on"),
            role: k.select("role", &[("RESPONDER", "Responder"), ("USER", "User")], "USER"),
            passwords: Field::new("passwords").with("on"),
            is_saved: k != Kind::Empty,
            answer: k.maybe((k == Kind::Typical, k.text(answer))),
            retype: k == Kind::Hostile,
            refused: (k == Kind::Hostile).then(|| k.text("Not saved.")),
        }
    }
}
