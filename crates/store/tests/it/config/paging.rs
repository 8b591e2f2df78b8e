//! Lists in parts, and searches that take the signs of LIKE literally.

use opsknight_store::{db::Db, listing::Part, refusal::ChangeError, teams};

use super::{ALL, team};

both! {
    async fn lists_come_in_parts(db: Db) {
        db.write(async |tx| {
            for (n, name) in [(1, "beta"), (2, "Alpha"), (3, "100%"), (4, "1000"), (5, "a_b"), (6, "aXb")] {
                let mut row = team(n);
                row.name = name.into();
                teams::insert(tx, &row).await?;
            }
            let (rows, total) = teams::list(tx, Part { limit: 2, offset: 1, q: None }).await?;
            let names: Vec<_> = rows.iter().map(|row| row.name.as_str()).collect();
            assert_eq!((names.len(), total), (2, 6));
            for (q, expected) in [("ALP", "Alpha"), ("0%", "100%"), ("a_b", "a_b"), (" beta ", "beta")] {
                let (rows, total) = teams::list(tx, Part { q: Some(q), ..ALL }).await?;
                assert_eq!((rows[0].name.as_str(), total), (expected, 1), "{q}");
            }
            Ok::<_, ChangeError>(())
        })
        .await
        .unwrap();
    }
}
