//! Each test twice: on SQLite (a file, WAL) and on PostgreSQL (a database of its own).

/// `both! { async fn name(db: Db) { … } }` becomes the tests `name::sqlite` and `name::postgres`. A test that opens the
/// database a second time takes `db: &TestDb`.
macro_rules! both {
    ($($(#[$meta:meta])* async fn $name:ident($db:ident: $kind:ty) $body:block)*) => {$(
        mod $name {
            #[allow(unused_imports, reason = "a test may need nothing of its module")]
            use super::*;

            $(#[$meta])*
            async fn check($db: $kind) $body

            #[tokio::test]
            async fn sqlite() {
                let db = opsknight_store::testing::fresh_sqlite().await;
                check((&db).into()).await;
            }

            #[tokio::test]
            async fn postgres() {
                let db = opsknight_store::testing::fresh_postgres().await;
                check((&db).into()).await;
            }
        }
    )*};
}
