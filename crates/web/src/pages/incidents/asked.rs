//! What the page of incidents is asked for: the filters of the API, those that only people need, and the row from which
//! the list goes on.

use http::Uri;
use jiff::{Span, civil::Date, tz::TimeZone};
use opsknight_domain::{
    directory::Directory,
    id::{ServiceId, UserId},
};
use opsknight_store::incidents::{Cursor, Filter, From, Sort};
use uuid::Uuid;

use crate::api::{
    error::{ApiError, Problems},
    extract::{FromParams as _, Params},
    incidents::IncidentQuery,
    page::{LIMIT_DEFAULT, Page},
};

/// Most services that a name, or a part of one, stands for.
const NAMED_MAX: usize = 20;

/// The orders that the page offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Order {
    #[default]
    Newest,
    Oldest,
    Urgency,
    Changed,
}

impl Order {
    pub(super) const ALL: [Self; 4] = [Self::Newest, Self::Oldest, Self::Urgency, Self::Changed];

    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Newest => "newest",
            Self::Oldest => "oldest",
            Self::Urgency => "urgency",
            Self::Changed => "changed",
        }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Newest => "Newest",
            Self::Oldest => "Oldest",
            Self::Urgency => "Urgency",
            Self::Changed => "Last change",
        }
    }
}

/// What was asked for.
#[derive(Debug, Clone, Default)]
pub(super) struct Asked {
    /// The filters that the API has too.
    pub(super) query: IncidentQuery,
    /// Only those of whoever looks.
    pub(super) mine: bool,
    /// A service by its name.
    pub(super) service: Option<String>,
    /// Began on this day or later, in the zone of whoever looks.
    pub(super) from: Option<Date>,
    /// Began on this day or earlier.
    pub(super) to: Option<Date>,
    pub(super) order: Order,
    pub(super) place: From,
}

impl Asked {
    /// Reads a query string. What nobody knows in it is passed over: links live long.
    pub(super) fn read(query: &str) -> Result<Self, ApiError> {
        let mut problems = Problems::default();
        let mut params = Params::of_form(query, &mut problems);
        let order = order(&mut params, &mut problems);
        let place = match params.one::<Cursor>("after", &mut problems) {
            Some(cursor) => From::After(cursor),
            None => params
                .one::<Cursor>("before", &mut problems)
                .map_or(From::Start, From::Before),
        };
        let mut date = |name: &str| {
            let text = params.text(name)?;
            problems.take(
                name,
                text.trim().parse::<Date>().map_err(|_| "must be a date: 2026-11-23"),
            )
        };
        let (from, to) = (date("from"), date("to"));
        let asked = Self {
            mine: params.flag("mine", &mut problems) == Some(true),
            service: params.text("service").map(|name| name.trim().to_owned()),
            query: IncidentQuery::from_params(&mut params, &mut problems),
            from,
            to,
            order,
            place,
        };
        problems.check().map(|()| asked)
    }

    pub(super) fn of(uri: &Uri) -> Result<Self, ApiError> {
        Self::read(uri.query().unwrap_or_default())
    }

    /// The filters and the order as a query string, always written the same way, without the place in the list.
    pub(super) fn canonical(&self) -> String {
        let mut text = form_urlencoded::Serializer::new(String::new());
        let mut add = |name: &str, value: String| {
            if !value.is_empty() {
                text.append_pair(name, &value);
            }
        };
        let query = &self.query;
        add("status", joined(query.status.iter().map(|status| status.word())));
        add("urgency", joined(query.urgency.iter().map(|urgency| urgency.word())));
        add("serviceId", joined(query.service_id.iter().map(ToString::to_string)));
        add("service", self.service.clone().unwrap_or_default());
        add("teamId", joined(query.team_id.iter().map(ToString::to_string)));
        add("assigneeId", joined(query.assignee_id.iter().map(ToString::to_string)));
        add("mine", if self.mine { "true".to_owned() } else { String::new() });
        add("q", query.q.clone().unwrap_or_default());
        for (name, at) in [
            ("createdAfter", query.created_after),
            ("createdBefore", query.created_before),
        ] {
            add(name, at.map(|at| at.to_string()).unwrap_or_default());
        }
        for (name, date) in [("from", self.from), ("to", self.to)] {
            add(name, date.map(|date| date.to_string()).unwrap_or_default());
        }
        if self.order != Order::Newest {
            add("sort", self.order.word().to_owned());
        }
        // A comma and a colon need no escape in a query, and are easier to read without.
        text.finish().replace("%2C", ",").replace("%3A", ":")
    }

    /// Whether anything is left out of the list.
    pub(super) fn filters(&self) -> bool {
        let plain = Self {
            order: self.order,
            place: self.place,
            ..Self::default()
        };
        self.canonical() != plain.canonical()
    }

    /// Whether days are given, by which lists by the last change are not made.
    pub(super) fn has_days(&self) -> bool {
        self.from.is_some() || self.to.is_some()
    }

    /// The same as the store asks it.
    pub(super) fn filter(&self, viewer: UserId, zone: &TimeZone, directory: &Directory) -> Filter {
        let page = Page {
            limit: LIMIT_DEFAULT,
            offset: 0,
        };
        let mut filter = self.query.clone().filter(page);
        if self.mine {
            filter.assignees = vec![viewer];
        }
        if let Some(name) = &self.service {
            filter.services = named(name, directory);
        }
        let start = |date: Date| date.to_zoned_datetime(zone.clone()).ok().map(|zoned| zoned.timestamp());
        filter.created_after = filter.created_after.max(self.from.and_then(start));
        if let Some(end) = self.to.and_then(|to| start(to.saturating_add(Span::new().days(1)))) {
            filter.created_before = Some(filter.created_before.map_or(end, |before| before.min(end)));
        }
        filter.sort = match self.order {
            Order::Newest | Order::Oldest => Sort::CreatedAt,
            Order::Urgency => Sort::Urgency,
            Order::Changed => Sort::UpdatedAt,
        };
        filter.ascending = self.order == Order::Oldest;
        filter
    }
}

/// The order by the page's word; the API's words mean what they mean there.
fn order(params: &mut Params, problems: &mut Problems) -> Order {
    let ascending = params.text("order").as_deref() == Some("asc");
    match params.text("sort").as_deref() {
        None | Some("newest" | "createdAt" | "number") if ascending => Order::Oldest,
        None | Some("newest" | "createdAt" | "number") => Order::Newest,
        Some("oldest") => Order::Oldest,
        Some("urgency") => Order::Urgency,
        Some("changed" | "updatedAt") => Order::Changed,
        Some(_) => {
            problems.add("sort", "must be one of newest, oldest, urgency, changed");
            Order::Newest
        }
    }
}

/// The services that a name stands for: the one that is called so, or those that have it in their names. A service that
/// is not there where there is none, so that nothing is found.
fn named(name: &str, directory: &Directory) -> Vec<ServiceId> {
    let wanted = name.to_lowercase();
    let services = || directory.services.values();
    let exact = services().filter(|service| service.name.to_lowercase() == wanted);
    let mut found: Vec<ServiceId> = exact.map(|service| service.id).collect();
    if found.is_empty() {
        let part = services().filter(|service| service.name.to_lowercase().contains(&wanted));
        found = part.map(|service| service.id).take(NAMED_MAX).collect();
    }
    if found.is_empty() {
        found.push(ServiceId::new(Uuid::nil()));
    }
    found
}

pub(super) fn joined(words: impl Iterator<Item = impl AsRef<str>>) -> String {
    let all: Vec<String> = words.map(|word| word.as_ref().to_owned()).collect();
    all.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canonical(query: &str) -> String {
        Asked::read(query).unwrap().canonical()
    }

    #[test]
    fn one_list_has_one_address() {
        assert_eq!(canonical(""), "");
        assert_eq!(canonical("status=&q=&offset=50&after=5.7&sort=newest"), "");
        assert_eq!(
            canonical("sort=urgency&mine=true&status=OPEN%2CACKNOWLEDGED"),
            "status=OPEN,ACKNOWLEDGED&mine=true&sort=urgency"
        );
        let full = "status=OPEN&urgency=HIGH&service=Web+%26+API&mine=true&q=disk+full&from=2026-11-01&to=2026-11-05&sort=oldest";
        assert_eq!(canonical(full), full, "it is its own address");
    }

    #[test]
    fn what_is_wrong_is_named() {
        let refused = |query: &str| Asked::read(query).unwrap_err().message().to_owned();
        assert_eq!(refused("after=x"), "after is not a place in this list");
        assert_eq!(refused("from=yesterday"), "from must be a date: 2026-11-23");
        assert_eq!(
            refused("sort=size"),
            "sort must be one of newest, oldest, urgency, changed"
        );
        assert!(refused("status=BUSY").starts_with("status must be one of"));
    }

    #[test]
    fn days_are_those_of_the_viewer() {
        let asked = Asked::read("from=2026-11-01&to=2026-11-01").unwrap();
        let zone = TimeZone::get("Asia/Kathmandu").unwrap();
        let filter = asked.filter(UserId::new(Uuid::nil()), &zone, &Directory::default());
        assert_eq!(
            (filter.created_after, filter.created_before),
            (
                Some("2026-10-31T18:15:00Z".parse().unwrap()),
                Some("2026-11-01T18:15:00Z".parse().unwrap())
            )
        );
        assert!(asked.filters() && asked.has_days());
        assert!(!Asked::read("sort=oldest&after=1.2").unwrap().filters());
    }
}
