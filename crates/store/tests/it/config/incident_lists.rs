//! Lists of incidents: every filter in every order, leafed through from row to row, holds what a plain loop over all
//! incidents holds; and words find what they should.

use jiff::Timestamp;
use opsknight_domain::{
    id::{IncidentId, ServiceId, TeamId, UserId},
    incident::Status,
    search,
    urgency::Urgency,
};
use opsknight_store::{
    db::{Db, DbError, Tx, Val},
    incidents::{self, COUNT_MAX, Filter, From, Sort, Total},
    refusal::ChangeError,
    services,
};
use uuid::Uuid;

use super::service;

/// How many incidents there are.
const COUNT: i64 = 240;
/// How many rows a page has; no divisor of the others.
const LIMIT: i64 = 7;

/// What a list is made from.
#[derive(Debug, Clone)]
struct Made {
    number: i64,
    title: String,
    status: Status,
    urgency: Urgency,
    service: ServiceId,
    team: Option<TeamId>,
    assignee: Option<UserId>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

fn id<T>(new: fn(Uuid) -> T, n: i64) -> T {
    new(Uuid::from_u128(u128::try_from(n).unwrap()))
}

fn second(at: i64) -> Timestamp {
    Timestamp::from_second(1_780_000_000 + at).unwrap()
}

fn made() -> Vec<Made> {
    let one = |number: i64| Made {
        number,
        title: format!("Disk {} full on worker-{}", number % 100, number % 9),
        // Most are over.
        status: if number % 4 == 0 {
            Status::ALL[usize::try_from(number / 4 % 5).unwrap()]
        } else {
            Status::Resolved
        },
        urgency: Urgency::ALL[usize::try_from(number * 7 % 3).unwrap()],
        service: id(ServiceId::new, number % 5 + 1),
        team: (number % 3 != 0).then(|| id(TeamId::new, number % 2 + 1)),
        assignee: (number % 4 != 1).then(|| id(UserId::new, number % 3 + 1)),
        // Several began in one second.
        created_at: second(number / 3),
        updated_at: second(number / 3 + number * 13 % 60),
    };
    (1..=COUNT).map(one).collect()
}

async fn fill(db: &Db) -> Vec<Made> {
    let made = made();
    let rows = made.clone();
    db.write(async move |tx| {
        for n in 1..=5 {
            services::insert(tx, &service(n)).await?;
        }
        for row in &rows {
            insert(tx, row).await?;
        }
        Ok::<_, ChangeError>(())
    })
    .await
    .unwrap();
    made
}

async fn insert(tx: &mut Tx<'_>, row: &Made) -> Result<(), DbError> {
    let sql = "INSERT INTO incident (id, number, title, words, status, urgency, is_test, dedup_key, service_id, \
         team_id, assignee_id, assigned_by_hand, escalation_round, escalation_next_step, escalations, ack_breached, \
         resolve_breached, in_maintenance, alert_count, created_at, updated_at) VALUES \
         ($1, $2, $3, $4, $5, $6, FALSE, $7, $8, $9, $10, FALSE, 0, 0, 0, FALSE, FALSE, FALSE, 1, $11, $12)";
    let key = format!("key-{}", row.number);
    let number = row.number.to_string();
    let words = search::kept([number.as_str(), &row.title, &key]);
    let values: [Val; 12] = [
        id(IncidentId::new, row.number).into(),
        row.number.into(),
        row.title.as_str().into(),
        words.as_str().into(),
        row.status.word().into(),
        row.urgency.word().into(),
        key.into(),
        row.service.into(),
        row.team.into(),
        row.assignee.into(),
        row.created_at.into(),
        row.updated_at.into(),
    ];
    tx.execute(sql, &values).await?;
    incidents::add_words(tx, vec![(row.number, words)]).await
}

/// The numbers in a list, by a plain loop.
fn expected(made: &[Made], filter: &Filter) -> Vec<i64> {
    fn among<T: PartialEq>(wanted: &[T], value: Option<&T>) -> bool {
        wanted.is_empty() || value.is_some_and(|value| wanted.contains(value))
    }
    let mut rows: Vec<&Made> = made
        .iter()
        .filter(|row| {
            among(&filter.statuses, Some(&row.status))
                && among(&filter.urgencies, Some(&row.urgency))
                && among(&filter.services, Some(&row.service))
                && among(&filter.teams, row.team.as_ref())
                && among(&filter.assignees, row.assignee.as_ref())
                && filter.created_after.is_none_or(|at| row.created_at >= at)
                && filter.created_before.is_none_or(|at| row.created_at < at)
        })
        .collect();
    rows.sort_by_key(|row| match filter.sort {
        Sort::CreatedAt => (0, row.created_at, row.number),
        Sort::UpdatedAt => (0, row.updated_at, row.number),
        Sort::Number => (0, Timestamp::UNIX_EPOCH, row.number),
        Sort::Urgency => {
            let rank = [Urgency::Low, Urgency::Medium, Urgency::High];
            let rank = rank.iter().position(|urgency| *urgency == row.urgency);
            (rank.unwrap(), row.created_at, row.number)
        }
    });
    let numbers: Vec<i64> = rows.iter().map(|row| row.number).collect();
    if filter.ascending {
        numbers
    } else {
        numbers.into_iter().rev().collect()
    }
}

fn filters() -> Vec<Filter> {
    let all = Filter {
        limit: LIMIT,
        ..Filter::default()
    };
    let of_service = vec![id(ServiceId::new, 2)];
    let (team, person) = (vec![id(TeamId::new, 1)], vec![id(UserId::new, 2)]);
    vec![
        all.clone(),
        Filter {
            statuses: vec![Status::Open, Status::Acknowledged],
            ..all.clone()
        },
        Filter {
            statuses: vec![Status::Resolved],
            urgencies: vec![Urgency::High, Urgency::Low],
            ..all.clone()
        },
        Filter {
            statuses: vec![Status::Resolved, Status::Snoozed],
            services: of_service.clone(),
            ..all.clone()
        },
        Filter {
            services: (1..=4).map(|n| id(ServiceId::new, n)).collect(),
            assignees: person.clone(),
            ..all.clone()
        },
        Filter {
            // More than there are runs for.
            services: (1..=30).map(|n| id(ServiceId::new, n)).collect(),
            ..all.clone()
        },
        Filter {
            teams: team.clone(),
            ..all.clone()
        },
        Filter {
            teams: team,
            assignees: person,
            ..all.clone()
        },
        Filter {
            created_after: Some(second(20)),
            created_before: Some(second(50)),
            ..all.clone()
        },
        Filter {
            services: vec![id(ServiceId::new, 77)],
            ..all
        },
    ]
}

/// Leafs through a list to its end and back, and checks every page.
async fn leaf(tx: &mut Tx<'_>, filter: &Filter, wanted: &[i64]) -> Result<(), DbError> {
    let limit = usize::try_from(LIMIT).unwrap();
    let (mut place, mut pages) = (From::Start, Vec::new());
    loop {
        let page = incidents::page(tx, filter, place).await?;
        assert_eq!(
            page.total,
            Total::Exactly(i64::try_from(wanted.len()).unwrap()),
            "{filter:?}"
        );
        assert_eq!(page.previous.is_some(), place != From::Start, "{filter:?}");
        let next = page.next;
        pages.push(page);
        match next {
            Some(cursor) => place = From::After(cursor),
            None => break,
        }
    }
    let numbers = |page: &incidents::Slice| page.rows.iter().map(|row| row.incident.number).collect::<Vec<_>>();
    let all: Vec<i64> = pages.iter().flat_map(numbers).collect();
    assert_eq!(all, wanted, "{filter:?}");
    for n in (1..pages.len()).rev() {
        let cursor = pages[n].previous.unwrap();
        let back = incidents::page(tx, filter, From::Before(cursor)).await?;
        assert_eq!(
            numbers(&back),
            wanted[(n - 1) * limit..n * limit],
            "{filter:?}, back to page {n}"
        );
        assert_eq!(back.previous.is_some(), n > 1, "{filter:?}");
    }
    Ok(())
}

async fn numbers_of(tx: &mut Tx<'_>, q: &str, filter: &Filter) -> Result<Vec<i64>, DbError> {
    let filter = Filter {
        q: Some(q.to_owned()),
        limit: 200,
        ..filter.clone()
    };
    let page = incidents::page(tx, &filter, From::Start).await?;
    let (rows, total) = incidents::list(tx, &filter).await?;
    let number = |row: &incidents::Listed| row.incident.number;
    let (of_page, of_list): (Vec<i64>, Vec<i64>) = (
        page.rows.iter().map(number).collect(),
        rows.iter().map(number).collect(),
    );
    assert_eq!(of_page, of_list, "{q}: people and programs find the same");
    assert_eq!(total, i64::try_from(of_list.len()).unwrap(), "{q}");
    Ok(of_list)
}

both! {
    async fn every_list_is_what_a_plain_loop_makes_of_it(db: Db) {
        let made = fill(&db).await;
        db.read(async move |tx| {
            for filter in filters() {
                let sorts = [Sort::CreatedAt, Sort::UpdatedAt, Sort::Urgency];
                for (sort, ascending) in sorts.into_iter().flat_map(|sort| [(sort, false), (sort, true)]) {
                    let filter = Filter { sort, ascending, ..filter.clone() };
                    leaf(tx, &filter, &expected(&made, &filter)).await?;
                }
                for sort in [Sort::CreatedAt, Sort::UpdatedAt, Sort::Urgency, Sort::Number] {
                    let filter = Filter { sort, offset: 3, ..filter.clone() };
                    let wanted = expected(&made, &filter);
                    let (rows, total) = incidents::list(tx, &filter).await?;
                    let found: Vec<i64> = rows.iter().map(|row| row.incident.number).collect();
                    let part: Vec<i64> = wanted.iter().copied().skip(3).take(7).collect();
                    assert_eq!((found, total), (part, i64::try_from(wanted.len()).unwrap()), "{filter:?}");
                }
            }
            Ok::<_, DbError>(())
        })
        .await
        .unwrap();
    }

    async fn a_page_stays_what_it_is_when_others_come_in(db: Db) {
        let made = fill(&db).await;
        let filter = Filter { limit: LIMIT, ..Filter::default() };
        let wanted = expected(&made, &filter);
        db.write(async move |tx| {
            let first = incidents::page(tx, &filter, From::Start).await?;
            let late = Made { number: COUNT + 1, created_at: second(9_999), ..made[0].clone() };
            insert(tx, &late).await?;
            let second = incidents::page(tx, &filter, From::After(first.next.unwrap())).await?;
            let numbers: Vec<i64> = second.rows.iter().map(|row| row.incident.number).collect();
            assert_eq!(numbers, wanted[7..14]);
            let back = incidents::page(tx, &filter, From::Before(second.previous.unwrap())).await?;
            assert_eq!(back.rows[0].incident.number, wanted[0], "the page before is a full one");
            assert!(back.previous.is_some(), "and what came in is before it");
            Ok::<_, DbError>(())
        })
        .await
        .unwrap();
    }

    async fn words_are_found_and_follow_the_title(db: Db) {
        let made = fill(&db).await;
        db.write(async move |tx| {
            let all = Filter::default();
            let live = Filter { statuses: vec![Status::Open, Status::Snoozed], ..Filter::default() };
            assert_eq!(numbers_of(tx, "#199", &all).await?, [199], "by number");
            assert_eq!(numbers_of(tx, "key 199", &all).await?, [199], "by key");
            assert_eq!(numbers_of(tx, "FULL disk wor 17", &all).await?, [217, 117, 17], "17 and 1 hundred 17");
            assert_eq!(numbers_of(tx, "disk", &live).await?, expected(&made, &live));
            for nothing in ["nowhere", "isk", "%", "disk nowhere", "'", "\"", "* & !"] {
                let found = numbers_of(tx, nothing, &all).await?;
                assert!(found.is_empty(), "{nothing}: {found:?}");
            }
            incidents::change_words(tx, vec![(199, " nothing ".to_owned())]).await?;
            let sql = "UPDATE incident SET title = 'Nothing', words = ' nothing ' WHERE number = 199";
            tx.execute(sql, &[]).await?;
            assert_eq!(numbers_of(tx, "199", &all).await?, [0; 0], "what it was called finds it no more");
            assert_eq!(numbers_of(tx, "nothing", &all).await?, [199]);
            assert_eq!(COUNT_MAX, 5_000);
            Ok::<_, DbError>(())
        })
        .await
        .unwrap();
    }

    async fn a_rare_word_among_many_is_found_by_its_index(db: Db) {
        db.write(async move |tx| {
            services::insert(tx, &service(1)).await?;
            // More rows than are looked through one by one, and the one that is wanted is the first of them.
            for number in 1..=1_200 {
                let title = if number == 1 { "Needle in a stack" } else { "Hay in a stack" };
                let status = if number % 600 == 1 { Status::Open } else { Status::Resolved };
                let row = Made {
                    number,
                    title: title.to_owned(),
                    status,
                    service: id(ServiceId::new, 1),
                    created_at: second(number),
                    ..made()[0].clone()
                };
                insert(tx, &row).await?;
            }
            let page = |q: &str, sort, statuses: &[Status]| Filter {
                q: Some(q.to_owned()),
                sort,
                statuses: statuses.to_vec(),
                limit: LIMIT,
                ..Filter::default()
            };
            for sort in [Sort::CreatedAt, Sort::UpdatedAt, Sort::Urgency] {
                for q in ["needle", "stack needle", "need"] {
                    for statuses in [&[][..], &[Status::Open]] {
                        let found = incidents::page(tx, &page(q, sort, statuses), From::Start).await?;
                        let numbers: Vec<i64> = found.rows.iter().map(|row| row.incident.number).collect();
                        assert_eq!((numbers, found.total), (vec![1], Total::Exactly(1)), "{q}");
                    }
                }
            }
            let common = incidents::page(tx, &page("stack", Sort::CreatedAt, &[]), From::Start).await?;
            assert_eq!(common.rows[0].incident.number, 1_200);
            assert!(matches!(common.total, Total::MoreThan(_)), "{:?}", common.total);
            // Programs are told the exact number, near the beginning and far from it.
            for (q, sort, offset, first, total) in [
                ("stack", Sort::CreatedAt, 0, 1_200, 1_200),
                ("stack", Sort::UpdatedAt, 20, 1_180, 1_200),
                ("stack", Sort::CreatedAt, 1_100, 100, 1_200),
                ("hay", Sort::CreatedAt, 30, 1_170, 1_199),
            ] {
                let part = Filter { offset, ..page(q, sort, &[]) };
                let (rows, counted) = incidents::list(tx, &part).await?;
                let numbers: Vec<i64> = rows.iter().map(|row| row.incident.number).collect();
                let expected: Vec<i64> = (first - i64::try_from(rows.len()).unwrap() + 1..=first).rev().collect();
                assert_eq!((numbers, counted, rows.len().to_string()), (expected, total, LIMIT.to_string()), "{q}");
            }
            Ok::<_, ChangeError>(())
        })
        .await
        .unwrap();
    }
}
