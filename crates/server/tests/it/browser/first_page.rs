//! From the printed link to the first page that is acknowledged, by keyboard alone.

use thirtyfour::Key;

use super::{
    stage::Stage,
    window::DESK,
};
use crate::both::Place;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_the_printed_link_to_the_first_page() {
    let place = Place::sqlite();
    let stage = Stage::set(&place).await;
    let window = stage.window(DESK).await;

    window.go(&stage.server.setup_link().await).await;
    window.fill("Your name", "Ada Admin").await;
    window.fill("Email", "ada@example.com").await;
    window.fill("Password", "a sentence is a good password").await;
    window.press(Key::Enter).await;
    window.arrive_at("Dashboard").await;
    for page in ["Teams", "Users", "Escalation policies", "Services"] {
        window.choose(page).await;
        window.arrive_at(page).await;
        println!("{}", window.text("main").await);
    }
    println!("{:?}", window.complaints().await);
    window.close().await;
}
