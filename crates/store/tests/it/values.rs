//! Values, parameters, rows and refusals are the same on both databases.

use jiff::Timestamp;
use opsknight_domain::id::IncidentId;
use opsknight_store::db::{Db, DbError, Dialect, Insert, Kind, Tx, Val};
use uuid::Uuid;

use crate::support::{add, items, sql};

both! {
    async fn a_unique_violation_says_which(db: Db) {
        sql(&db, "CREATE TABLE person (id BIGINT PRIMARY KEY, team TEXT, name TEXT, email TEXT)").await;
        sql(&db, "CREATE UNIQUE INDEX person_name ON person (team, name) WHERE id > 0").await;
        sql(&db, "CREATE UNIQUE INDEX person_email ON person (lower(email))").await;
        let put = async |id: i64, name: &'static str, email: &'static str| {
            db.write(async move |tx| {
                let values = [id.into(), "a team".into(), name.into(), email.into()];
                tx.execute("INSERT INTO person (id, team, name, email) VALUES ($1, $2, $3, $4)", &values).await
            }).await
        };
        put(1, "Ada", "ada@example.org").await.unwrap();
        let by_key = put(1, "Bob", "bob@example.org").await.unwrap_err();
        assert!(by_key.unique_on("person.id") && !by_key.unique_on("person.name"), "{by_key:?}");
        let by_columns = put(2, "Ada", "bob@example.org").await.unwrap_err();
        assert!(by_columns.unique_on("person.team") && by_columns.unique_on("person.name"), "{by_columns:?}");
        let by_expression = put(2, "Bob", "ADA@example.org").await.unwrap_err();
        assert!(by_expression.unique_on("person_email") && !by_expression.is_retryable(), "{by_expression:?}");
    }

    async fn other_constraints_are_told_apart(db: Db) {
        items(&db).await;
        sql(&db, "CREATE TABLE part (item BIGINT NOT NULL REFERENCES item (id), size BIGINT CHECK (size > 0))").await;
        let put = async |item: Val, size: i64| {
            db.write(async move |tx| {
                tx.execute("INSERT INTO part (size, item) VALUES ($2, $1)", &[item.clone(), size.into()]).await
            }).await
        };
        assert!(matches!(put(9.into(), 1).await, Err(DbError::ForeignKey { .. })));
        assert!(matches!(put(Val::Null, 1).await, Err(DbError::Constraint { .. })));
        add(&db, 9).await.unwrap();
        assert!(matches!(put(9.into(), 0).await, Err(DbError::Constraint { .. })));
        put(9.into(), 1).await.unwrap();
        let gone = db.write(async |tx| tx.execute("DELETE FROM item WHERE id = 9", &[]).await).await;
        assert!(matches!(gone, Err(DbError::ForeignKey { .. })), "{gone:?}");
    }

    async fn values_come_back_as_they_went(db: Db) {
        let blob = if db.dialect() == Dialect::Sqlite { "BLOB" } else { "BYTEA" };
        db.write(async move |tx| tx.execute(&format!(
            "CREATE TABLE v (k BIGINT, i BIGINT, r DOUBLE PRECISION, b BOOLEAN, t TEXT, x {blob}, at BIGINT, inc TEXT, j TEXT)"
        ), &[]).await.map(drop)).await.unwrap();
        let id = IncidentId::new(Uuid::from_u128(0x0188_9c8f_5fd1_7d28_8c1d_8c2b_9f1a_2b3c));
        let at: Timestamp = "2026-03-29T01:59:59.999999Z".parse().unwrap();
        let json = serde_json::json!({"a": [1, "ü", null]});
        let texts = ["", "näïve 🚨 incident", "it's; -- \\ \"$1\" {lock}"];
        for (k, number) in [i64::MIN, 0, i64::MAX].into_iter().enumerate() {
            let (text, doc) = (texts[k], json.clone());
            let mut row = db.write(async move |tx| {
                let vals: Vec<Val> = vec![
                    k.into(), number.into(), (0.1 + 0.2).into(), (k == 1).into(), text.into(),
                    vec![0u8, 255, b'\''].into(), at.into(), id.into(), (&doc).into(),
                ];
                tx.execute("INSERT INTO v (k, i, r, b, t, x, at, inc, j) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9)", &vals).await?;
                let found = "SELECT i, r, b, t, x, at, inc, j, b AND b FROM v WHERE t = $2 AND k = $1 AND inc = $3";
                tx.query_one(found, &[k.into(), text.into(), (&id).into()]).await
            }).await.unwrap();
            assert_eq!(row.get::<i64>(0), Ok(number));
            assert_eq!(row.take(), Ok(number));
            assert_eq!(row.take(), Ok(0.1 + 0.2));
            assert_eq!(row.take(), Ok(k == 1));
            assert_eq!(row.take(), Ok(text.to_owned()));
            assert_eq!(row.take(), Ok(vec![0u8, 255, b'\'']));
            assert_eq!(row.take(), Ok(at));
            assert_eq!(row.take(), Ok(Some(id)));
            assert_eq!(row.take(), Ok(json.clone()));
            assert_eq!(row.take(), Ok(k == 1));
            assert!(row.take::<i64>().is_err(), "there is no further column");
        }
    }

    async fn nothing_is_nothing_in_every_type(db: Db) {
        let blob = if db.dialect() == Dialect::Sqlite { "BLOB" } else { "BYTEA" };
        let mut row = db.write(async move |tx| {
            tx.execute(&format!("CREATE TABLE v (i BIGINT, r DOUBLE PRECISION, b BOOLEAN, t TEXT, x {blob})"), &[]).await?;
            let nothing = [Val::Null, None::<f64>.into(), None::<bool>.into(), None::<&str>.into(), Val::Null];
            tx.execute("INSERT INTO v (i, r, b, t, x) VALUES ($1, $2, $3, $4, $5)", &nothing).await?;
            tx.query_one("SELECT i, r, b, t, x FROM v WHERE t IS NOT DISTINCT FROM $1", &[Val::Null]).await
        }).await.unwrap();
        assert_eq!(row.get::<Option<Timestamp>>(0), Ok(None));
        assert!(matches!(row.get::<i64>(0), Err(DbError::Corrupt { .. })));
        assert_eq!(row.take(), Ok(None::<i64>));
        assert_eq!(row.take(), Ok(None::<f64>));
        assert_eq!(row.take(), Ok(None::<bool>));
        assert_eq!(row.take(), Ok(None::<String>));
        assert_eq!(row.take(), Ok(None::<Vec<u8>>));
    }

    async fn what_one_database_cannot_hold_both_refuse(db: Db) {
        let put = async |val: Val| {
            db.write(async move |tx| tx.query("SELECT CAST($1 AS TEXT)", std::slice::from_ref(&val)).await.map(drop)).await
        };
        put("fine".into()).await.unwrap();
        assert!(matches!(put("a\0b".into()).await, Err(DbError::Invalid { .. })));
        assert!(matches!(put(f64::NAN.into()).await, Err(DbError::Invalid { .. })));
    }

    async fn parameters_are_all_given_and_all_used(db: Db) {
        items(&db).await;
        for (sql, given) in [
            ("SELECT id FROM item WHERE id = $1", 0),
            ("SELECT id FROM item WHERE id = $1", 2),
            ("SELECT id FROM item WHERE id = $1 OR id = $3", 3),
        ] {
            let outcome = db.read(async move |tx| tx.query(sql, &vec![Val::Int(1); given]).await.map(drop)).await;
            assert!(outcome.is_err(), "{sql} with {given}");
        }
        let reused = "SELECT id * CAST($2 AS BIGINT) + $2 FROM item WHERE id = $1 AND id IN (";
        add(&db, 5).await.unwrap();
        let mut row = db.read(async move |tx| {
            let sql = format!("{reused}{}) AND id NOT IN ({})", Tx::in_list(3, 2), Tx::in_list(1, 0).replace("NULL", "-1"));
            tx.query_one(&sql, &[Val::Int(5), Val::Int(7), Val::Int(4), Val::Int(5)]).await
        }).await.unwrap();
        assert_eq!(row.take(), Ok(42_i64));
    }

    async fn one_row_means_one(db: Db) {
        items(&db).await;
        add(&db, 1).await.unwrap();
        add(&db, 2).await.unwrap();
        let all = "SELECT id FROM item";
        assert!(db.read(async move |tx| tx.query_opt(all, &[]).await.map(drop)).await.is_err());
        let none = "SELECT id FROM item WHERE id = 3";
        assert!(db.read(async move |tx| tx.query_one(none, &[]).await.map(drop)).await.is_err());
        assert!(db.read(async move |tx| tx.query_opt(none, &[]).await).await.unwrap().is_none());
    }

    async fn many_rows_at_once(db: Db) {
        const ROWS: Insert = Insert {
            table: "many",
            columns: &[("id", Kind::Int), ("name", Kind::Text), ("b", Kind::Bool), ("r", Kind::Real), ("x", Kind::Blob)],
            tail: "ON CONFLICT (id) DO NOTHING",
        };
        let blob = if db.dialect() == Dialect::Sqlite { "BLOB" } else { "BYTEA" };
        let (first, again, none) = db.write(async move |tx| {
            tx.execute(&format!(
                "CREATE TABLE many (id BIGINT PRIMARY KEY, name TEXT, b BOOLEAN, r DOUBLE PRECISION, x {blob})"
            ), &[]).await?;
            let row = |id: i64| -> Vec<Val> {
                let name = (id % 3 != 0).then(|| format!("n\u{fc}m, \"{id}\" {{NULL}} \\"));
                vec![id.into(), name.into(), (id % 2 == 0).into(), (id as f64 / 4.0).into(), vec![id as u8, 0].into()]
            };
            let first = tx.insert_many(&ROWS, (0..1000).map(row).collect()).await?;
            let again = tx.insert_many(&ROWS, (990..1010).map(row).collect()).await?;
            Ok::<_, DbError>((first, again, tx.insert_many(&ROWS, vec![]).await?))
        }).await.unwrap();
        assert_eq!((first, again, none), (1000, 10, 0));
        let mut row = db.read(async |tx| {
            tx.query_one("SELECT name, b, r, x FROM many WHERE id = $1", &[Val::Int(1001)]).await
        }).await.unwrap();
        assert_eq!(row.take(), Ok(Some("nüm, \"1001\" {NULL} \\".to_owned())));
        assert_eq!((row.take(), row.take()), (Ok(false), Ok(250.25)));
        assert_eq!(row.take(), Ok(vec![1001_i64 as u8, 0]));
        let bad = db.write(async |tx| tx.insert_many(&ROWS, vec![vec![Val::Int(1)]]).await).await;
        assert!(bad.is_err(), "too few values");
        let bad = db.write(async |tx| tx.insert_many(&ROWS, vec![vec![Val::Bool(true); 5]]).await).await;
        assert!(bad.is_err(), "another kind");
    }
}
