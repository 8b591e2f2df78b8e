//! Samples of teams, users and the profile.

use opsknight_domain::directory::Standing;

use super::*;

pub(super) fn pages(k: Kind) -> Vec<Drawn> {
    vec![
        draw("teams", &TeamList::sample(k)),
        draw("team", &TeamPage::sample(k)),
        draw("users", &UserList::sample(k)),
        draw("user-invite", &UserInvite::sample(k)),
        draw("user", &UserPage::sample(k, Standing::Active)),
        draw("user-invited", &UserPage::sample(k, Standing::Invited)),
        draw("user-disabled", &UserPage::sample(k, Standing::Disabled)),
        draw("profile", &Profile::sample(k)),
    ]
}

impl TeamList {
    fn sample(k: Kind) -> Self {
        let row = |name: &str, members: Vec<Person>| TeamRow {
            link: k.link("/teams/team_1", name),
            on_call: members.iter().take(1).cloned().collect(),
            members,
            services: 4,
            open: 2,
        };
        let rows = vec![
            row("Platform", (0..4).map(|n| k.person(n)).collect()),
            row("Website", Vec::new()),
        ];
        Self {
            shell: k.shell(Section::Teams, "Teams", "/teams"),
            rows: k.list(rows),
            name: k.field("name", ""),
        }
    }
}

impl TeamPage {
    fn sample(k: Kind) -> Self {
        let member = |n: usize| MemberRow {
            person: k.person(n),
            lead: n == 0,
            receives: n != 2,
        };
        Self {
            shell: k.shell(Section::Teams, "Platform", "/teams/team_1"),
            id: "team_1".into(),
            name: k.field("name", "Platform"),
            title: k.text("Platform"),
            members: k.list((0..3).map(member).collect()),
            add: k.people("user_id", ""),
            services: k.list(vec![(
                k.link("/services/svc_1", "Checkout API"),
                Badge::new(Tone::Bad, "Critical"),
            )]),
            on_call: k.list(vec![Duty {
                schedule: k.link("/schedules/sch_1", "Platform"),
                now: vec![k.person(0)],
                until: Some(at(3 * 1440)),
                next: Some(k.person(1)),
            }]),
            incidents: incidents(k),
            policies: k.list(vec![k.link("/policies/pol_1", "Platform, day and night")]),
        }
    }
}

fn incidents(k: Kind) -> Vec<OwnIncident> {
    k.list(vec![OwnIncident {
        link: k.link("/incidents/inc_1", "#1847 Error rate above 5 % on checkout"),
        status: opsknight_domain::incident::Status::Open,
        urgency: opsknight_domain::urgency::Urgency::High,
        service: k.text("Checkout API"),
        created: at(-9),
    }])
}

impl UserList {
    fn sample(k: Kind) -> Self {
        let row = |n: usize, role, standing| UserRow {
            person: k.person(n),
            email: k.text("jane@example.com"),
            role,
            standing,
            teams: k.text("Platform, Data"),
            reach: Badge::new(Tone::Waiting, "Email only"),
            next: (standing == Standing::Active).then(|| NextDuty {
                schedule: k.link("/schedules/sch_1", "Platform"),
                at: at(1_440),
                is_now: n == 0,
            }),
            seen: (standing == Standing::Active).then(|| at(-90)),
        };
        let rows = vec![
            row(0, Role::Admin, Standing::Active),
            row(1, Role::Responder, Standing::Active),
            row(2, Role::Responder, Standing::Invited),
            row(3, Role::User, Standing::Disabled),
        ];
        Self {
            shell: k.shell(Section::Users, "Users", "/users"),
            query: k.text(""),
            role: roles(k, "role"),
            standing: k.select("standing", &[("", "Any account"), ("ACTIVE", "Active")], ""),
            filtered: k == Kind::Hostile,
            rows: k.list(rows),
            invitations: k.list(security::invitations(k)),
        }
    }
}

fn roles(k: Kind, name: &str) -> Select {
    k.select(
        name,
        &[("USER", "User"), ("RESPONDER", "Responder"), ("ADMIN", "Admin")],
        "RESPONDER",
    )
}

const CHANNELS: [(&str, &str); 2] = [("PUSH", "Push"), ("SMS", "SMS")];

fn methods(k: Kind, is_own: bool) -> Vec<MethodRow> {
    let method = |id: &str, channel: &str, address: &str, (tone, state): (Tone, &str), why: &str| MethodRow {
        id: id.into(),
        channel: channel.into(),
        address: k.text(address),
        added: Some(at(-20_000)),
        state: Some(Badge::new(tone, state)),
        why: if why.is_empty() { String::new() } else { k.text(why) },
        code: Field::new("code").within(id),
        ..MethodRow::default()
    };
    vec![
        MethodRow {
            asks_code: is_own,
            code: k.field("code", "").within("cm_1"),
            ..method(
                "cm_1",
                "SMS",
                "+49 151 000000",
                (Tone::Waiting, "Not verified"),
                "No code yet.",
            )
        },
        MethodRow {
            device: is_own.then(|| "0f".repeat(32)),
            can_test: is_own,
            ..method("cm_2", "Push", "push.example.com", (Tone::Good, "Verified"), "")
        },
        MethodRow {
            failing: true,
            ..method(
                "cm_3",
                "WhatsApp",
                "+49 151 1",
                (Tone::Bad, "Failing"),
                "Messages come back.",
            )
        },
    ]
}

fn rules(k: Kind) -> Vec<RuleGroup> {
    let rule = |n: usize, channel: &str, delay: &str| RuleForm {
        n,
        channel: k.select(&format!("rules.{n}.channel"), &CHANNELS, channel),
        delay: k.field(&format!("rules.{n}.delay"), delay).with(delay),
    };
    let group = |word, name, rows| RuleGroup {
        word,
        name,
        default: "No rules: push, then Slack, until one is taken; and email in any case.",
        rows,
    };
    vec![
        group(
            "HIGH",
            "High urgency",
            k.list(vec![rule(0, "PUSH", "0"), rule(1, "SMS", "5")]),
        ),
        group("MEDIUM", "Medium urgency", Vec::new()),
    ]
}

/// How somebody is reached; `is_own`: it is the viewer.
fn reach(k: Kind, is_own: bool) -> Reach {
    Reach {
        base: if is_own { "/profile" } else { "/users/usr_1" }.into(),
        can_change: true,
        is_own,
        email: k.text("jane@example.com"),
        email_fails: (k == Kind::Hostile).then(|| (at(-90), k.text("550 no such user"))),
        methods: k.list(methods(k, is_own)),
        kind: k.select("type", &CHANNELS, "SMS"),
        address: k.field("address", ""),
        news: Field::new("receive_news").with("on"),
        by_browser: true,
        rules: rules(k),
        whole: (k == Kind::Hostile).then(|| k.text("Try later")),
    }
}

impl UserInvite {
    fn sample(k: Kind) -> Self {
        Self {
            shell: k.shell(Section::Users, "Invite", "/users/new"),
            name: k.field("name", ""),
            email: k.field("email", ""),
            role: roles(k, "role"),
            no_mail: k == Kind::Empty,
        }
    }
}

impl UserPage {
    fn sample(k: Kind, standing: Standing) -> Self {
        Self {
            shell: k.shell(Section::Users, "Ada Lovelace", "/users/usr_1"),
            person: k.person(1),
            email: k.text("ada@example.com"),
            role: Role::Responder,
            standing,
            zone: "Europe/London".into(),
            name: k.field("name", "Ada Lovelace"),
            new_role: roles(k, "role"),
            reach: reach(k, false),
            teams: k.list(vec![k.link("/teams/team_1", "Platform")]),
            incidents: incidents(k),
            duties: k.list(vec![(k.link("/schedules/sch_1", "Platform"), at(6_000), at(16_000))]),
            invitation: (standing == Standing::Invited).then(|| k.text("https://ops.example.com/invite/t0ken")),
            access: k.maybe(security::access(k)),
            is_me: false,
        }
    }
}

impl Profile {
    fn sample(k: Kind) -> Self {
        Self {
            shell: k.shell(Section::Elsewhere, "Profile", "/profile"),
            name: k.field("name", "Jane Doe"),
            time_zone: k.zone(),
            reach: reach(k, true),
        }
    }
}
