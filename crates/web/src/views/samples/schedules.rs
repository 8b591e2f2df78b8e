//! Samples of schedules.

use jiff::SignedDuration;

use super::*;

pub(super) fn pages(k: Kind) -> Vec<Drawn> {
    vec![
        draw("schedules", &ScheduleList::sample(k)),
        draw("schedule", &SchedulePage::sample(k)),
        draw("schedule-form", &ScheduleForm::sample(k)),
    ]
}

fn feed(k: Kind) -> Feed {
    Feed {
        url: k.text("https://ops.example.com/calendar/t0ken.ics"),
        webcal: k.text("webcal://ops.example.com/calendar/t0ken.ics"),
    }
}

impl ScheduleList {
    fn sample(k: Kind) -> Self {
        let gap = |now: &[Person]| now.is_empty().then(|| (3, at(1_440)));
        let row = |name: &str, now: Vec<Person>| ScheduleRow {
            link: k.link("/schedules/sch_1", name),
            zone: "Europe/Berlin".into(),
            gaps: gap(&now),
            strip: strip(k, Frame::COMPACT_PX),
            now,
            until: Some(at(3 * 1440)),
            next: Some(k.person(1)),
        };
        let rows = vec![row("Platform", vec![k.person(0)]), row("Website, nights", Vec::new())];
        Self {
            shell: k.shell(Section::Schedules, "Schedules", "/schedules"),
            query: k.text(""),
            total: if k == Kind::Empty { 0 } else { 2 },
            rows: k.list(rows),
            feed: feed(k),
        }
    }
}

fn strip(k: Kind, width_px: u16) -> Strip {
    let zone = TimeZone::get("Europe/Berlin").unwrap();
    let from: Timestamp = "2026-11-22T23:00:00Z".parse().unwrap();
    let hours = |n: i64| from + SignedDuration::from_hours(n);
    let turn = |n: Option<usize>, start: i64, end: i64, is_override| Turn {
        person: n.map(|n| k.person(n)),
        from: hours(start),
        to: hours(end),
        is_override,
        href: k.maybe(format!("/schedules/sch_1?cover_from={start}#override")),
        change: is_override.then(|| "ovr_1".to_owned()),
    };
    let weekly = vec![
        turn(Some(0), -100, 105, false),
        turn(Some(1), 105, 273, false),
        turn(Some(3), 273, 400, false),
    ];
    let nights: Vec<_> = (0..14)
        .map(|day| turn(Some(2), day * 24 - 4, day * 24 + 7, false))
        .collect();
    let overrides = vec![turn(Some(4), 130, 154, true)];
    let result = vec![
        turn(Some(0), -100, 105, false),
        turn(Some(1), 105, 130, false),
        turn(Some(4), 130, 154, true),
        turn(Some(1), 154, 200, false),
        turn(None, 200, 224, false),
        turn(Some(1), 224, 273, false),
        turn(Some(3), 273, 400, false),
    ];
    let last = match k {
        Kind::Empty => vec![turn(None, 0, 336, false)],
        Kind::Typical | Kind::Hostile => result,
    };
    let rows = vec![
        Row::new(k.text("Weekly"), RowKind::Layer, k.list(weekly)),
        Row::new(k.text("Nights"), RowKind::Layer, k.list(nights)),
        Row::new("Overrides", RowKind::Overrides, k.list(overrides)),
        Row::new("On call", RowKind::Final, last),
    ];
    let frame = Frame {
        from,
        to: hours(336),
        now: now(),
        zone,
        scale: Scale::Fortnight,
        width_px,
    };
    Strip::draw(&frame, rows)
}

fn range(k: Kind) -> Range {
    let way = |query: &str, text: &str| Link::new(format!("/schedules/sch_1?{query}"), text);
    Range {
        title: "23 November to 6 December 2026".into(),
        before: "/schedules/sch_1?from=2026-11-09".into(),
        after: "/schedules/sch_1?from=2026-12-07".into(),
        today: k.maybe("/schedules/sch_1".into()),
        scales: vec![(way("view=week", "Week"), false), (way("", "Two weeks"), true)],
        zones: k.list(vec![(way("", "Europe/Berlin"), true), (way("zone=mine", "UTC"), false)]),
        zone: "Europe/Berlin".into(),
        hidden: vec![("view", "week".into())],
    }
}

fn override_form(k: Kind) -> OverrideForm {
    let change = CoverRow {
        from: at(7_800),
        to: at(9_240),
        who: k.text("Jane Doe"),
        instead: k.text("Ada Lovelace"),
    };
    let cover = Cover {
        says: String::new(),
        changes: vec![change],
        more: 2,
    };
    OverrideForm {
        action: "/schedules/sch_1/overrides".into(),
        id: (k == Kind::Hostile).then(|| "ovr_1".into()),
        open: k != Kind::Empty,
        user: k.people("user_id", ""),
        replaces: k.people("replaces_user_id", ""),
        start: k.field("start", "2026-11-28T09:00"),
        end: k.field("end", "2026-11-29T09:00"),
        preview: k.maybe(cover),
    }
}

fn ask(k: Kind) -> Ask {
    let step = |by: &str, says: &str, decides| AnswerStep {
        by: k.text(by),
        says: k.text(says),
        decides,
    };
    Ask {
        at: k.field("at", "2026-11-28T03:00"),
        answer: k.maybe(Answer {
            at: at(7_000),
            person: Some(k.person(0)),
            reason: k.text("on call by layer Weekly"),
            until: Some(at(9_000)),
            steps: vec![
                step("Layer Nights", "does not cover this time", false),
                step("Layer Weekly", "Jane Doe", true),
            ],
        }),
    }
}

impl SchedulePage {
    fn sample(k: Kind) -> Self {
        let layer = |name: &str, restrictions: Vec<String>| LayerView {
            name: k.text(name),
            rotation: "Changes hands every week, on Friday at 09:00".into(),
            people: k.list(vec![k.person(0), k.person(1), k.person(3)]),
            restrictions,
        };
        let shift = |n: Option<usize>, from, to| Shift {
            person: n.map(|n| k.person(n)),
            from: at(from),
            to: at(to),
        };
        Self {
            shell: k.shell(Section::Schedules, "Platform", "/schedules/sch_1"),
            id: "sch_1".into(),
            name: k.text("Platform"),
            zone: "Europe/Berlin".into(),
            now: k.list(vec![k.person(0)]),
            because: k.text("on call by layer Weekly"),
            until: k.maybe(at(6_000)),
            next: k.maybe(k.person(1)),
            can_take: true,
            range: range(k),
            shown_at: "/schedules/sch_1".into(),
            strip: strip(k, Frame::WIDE_PX),
            gaps: k.list(vec![GapRow {
                from: at(12_000),
                to: at(13_440),
                length: "1 d".into(),
                cover: Some("/schedules/sch_1?cover_from=1#override".into()),
            }]),
            more_gaps: 2,
            table: k.list(vec![ShiftRow {
                person: None,
                from: at(12_000),
                to: at(13_440),
                by: k.text("layer Weekly"),
                change: Some(Link::new("/schedules/sch_1?cover_from=1#override", "Cover")),
            }]),
            layers: k.list(vec![
                layer("Weekly", Vec::new()),
                layer("Nights", vec!["Every day, 20:00 to 07:00".into()]),
            ]),
            overrides: k.list(vec![OverrideRow {
                id: "ovr_1".into(),
                person: k.person(4),
                replaces: Some(k.text("Ada Lovelace")),
                from: at(7_800),
                to: at(9_240),
                edit: "/schedules/sch_1?edit=ovr_1#override".into(),
            }]),
            shifts: k.list(vec![
                shift(Some(1), 6_000, 7_800),
                shift(Some(4), 7_800, 9_240),
                shift(None, 12_000, 13_440),
                shift(Some(3), 16_000, 26_000),
            ]),
            policies: k.list(vec![k.link("/policies/pol_1", "Platform, day and night")]),
            form: override_form(k),
            ask: ask(k),
            feed: feed(k),
        }
    }
}

impl ScheduleForm {
    fn sample(k: Kind) -> Self {
        let days = |n: usize| {
            let names = [
                "Monday",
                "Tuesday",
                "Wednesday",
                "Thursday",
                "Friday",
                "Saturday",
                "Sunday",
            ];
            let words = ["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"];
            let options = words
                .iter()
                .zip(names)
                .map(|(word, name)| Choice::new(*word, name).chosen(*word != "SUN"));
            Checks::new(Field::new(&format!("layers.{n}.restrictions.0.days")), options)
        };
        let layer = |n: usize| LayerForm {
            name: k.field(&format!("layers.{n}.name"), "Weekly"),
            users: (0..3)
                .map(|i| {
                    let mut select = k.people(&format!("layers.{n}.users"), ["usr_01kap0", "usr_01kap1", ""][i]);
                    select.field.id = format!("layers-{n}-user-{i}");
                    select
                })
                .collect(),
            length: k.field(&format!("layers.{n}.length"), "1"),
            unit: k.select(
                &format!("layers.{n}.unit"),
                &[("HOURS", "Hours"), ("DAYS", "Days"), ("WEEKS", "Weeks")],
                "WEEKS",
            ),
            start: k.field(&format!("layers.{n}.start"), "2026-11-20"),
            handoff: k.field(&format!("layers.{n}.handoff"), "09:00"),
            restrictions: k.list(vec![RestrictionForm {
                days: days(n),
                from: k.field(&format!("layers.{n}.restrictions.0.from"), "20:00"),
                to: k.field(&format!("layers.{n}.restrictions.0.to"), "07:00"),
            }]),
        };
        Self {
            shell: k.shell(Section::Schedules, "Edit schedule", "/schedules/sch_1/edit"),
            id: k.maybe("sch_1".into()),
            name: k.field("name", "Platform"),
            time_zone: k.zone(),
            layers: if k == Kind::Empty {
                vec![layer(0)]
            } else {
                vec![layer(0), layer(1)]
            },
            preview: SchedulePreview {
                title: "Mon 23 Nov to Sun 6 Dec, Europe/Berlin".into(),
                strip: strip(k, Frame::COMPACT_PX),
                warnings: k.list(vec![k.text("Layer “Nights” has no people.")]),
            },
        }
    }
}
