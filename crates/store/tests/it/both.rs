//! Each test twice: on SQLite (a file, WAL) and on PostgreSQL (a database of its own).

/// `both! { async fn name(db: &TestDb) { … } }` becomes the tests `name::sqlite` and `name::postgres`.
macro_rules! both {
    ($($(#[$meta:meta])* async fn $name:ident($db:ident: &TestDb) $body:block)*) => {$(
        mod $name {
            #[allow(unused_imports, reason = "a test may need nothing of its module")]
            use super::*;

            $(#[$meta])*
            async fn check($db: &opsknight_store::testing::TestDb) $body

            #[tokio::test]
            async fn sqlite() {
                check(&opsknight_store::testing::fresh_sqlite().await).await;
            }

            #[tokio::test]
            async fn postgres() {
                check(&opsknight_store::testing::fresh_postgres().await).await;
            }
        }
    )*};
}
