//! An administrator sets text messages up and tries them; then somebody adds a telephone and enters the code that was
//! sent there. With scripts, and without.

use thirtyfour::Key;

use super::{
    stage::Stage,
    window::{DESK, PHONE, Window},
};
use crate::{
    process::{SOON, wait_until},
    vendors::{Instead, Vendors},
};

const SID: &str = "AC0123456789abcdef0123456789abcdef";
const NUMBER: &str = "+14155550100";
const TELEPHONE: &str = "+4915112345678";
/// What Twilio answers to a token that is not the account's.
const REFUSAL: &str = r#"{"code":20003,"message":"Authenticate","status":401}"#;

async fn stage(vendors: &Vendors) -> Stage {
    Stage::with(&[("OPSKNIGHT_TWILIO_BASE_URL", &vendors.base)]).await
}

/// The digits of the last code that went to a telephone.
async fn code(vendors: &Vendors) -> String {
    wait_until("a code is sent", SOON, async || {
        let body = vendors.calls("/Messages.json").last()?.field("Body");
        let (_, rest) = body.split_once("code is ")?;
        Some(rest.chars().take_while(char::is_ascii_digit).collect())
    })
    .await
}

async fn enter_twilio(window: &Window) {
    window.go("/settings/sms").await;
    window.find("#provider-TWILIO").await.click().await.unwrap();
    window.fill("Account SID", SID).await;
    window.fill("Auth token", "a-token").await;
    window.fill("Number that sends", NUMBER).await;
}

async fn add_a_telephone(window: &Window, vendors: &Vendors) {
    window.go("/profile").await;
    window.fill("Address", TELEPHONE).await;
    window.press(Key::Enter).await;
    window.wait_for("[role=status]", "A code is on its way").await;
    window.wait_for("#methods", "Not verified").await;
    window.fill("Code", "000000").await;
    window.press(Key::Enter).await;
    window.find(".method .error").await;
    let code = code(vendors).await;
    let script = "document.querySelector('.method input').value = ''";
    window.driver.execute(script, Vec::new()).await.unwrap();
    window.fill("Code", &code).await;
    window.press(Key::Enter).await;
    window.wait_for("[role=status]", "is verified").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn text_messages_are_set_up_tried_and_received() {
    let vendors = Vendors::start().await;
    let stage = stage(&vendors).await;
    let window = stage.signed_in(DESK).await;
    window.go("/settings/notifications").await;
    window.choose("SMS").await;
    window.arrive_at("SMS").await;
    enter_twilio(&window).await;
    vendors.answer_instead("/Messages.json", Instead::of(401, REFUSAL));
    window.fill("Send a test to (Telephone number)", TELEPHONE).await;
    window.choose("Send test").await;
    window.wait_for("#answer", "It was not taken").await;
    window.wait_for("#answer", "Authenticate").await;
    assert_eq!(window.value("#TWILIO-authToken").await, "a-token", "the form stays");
    vendors.answer_well("/Messages.json");
    window.find("[data-into]").await.click().await.unwrap();
    window.wait_for("#answer", "It was taken").await;
    window.choose("Save").await;
    window.wait_for("[role=status]", "Saved.").await;
    window.read("Twilio delivers, by what is saved here.").await;
    assert_eq!(window.complaints().await, [""; 0]);
    add_a_telephone(&window, &vendors).await;
    window.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_without_scripts() {
    let vendors = Vendors::start().await;
    let stage = stage(&vendors).await;
    let window = stage.signed_in(PHONE).await;
    window.switch_scripts_off().await;
    enter_twilio(&window).await;
    window.fill("Send a test to (Telephone number)", TELEPHONE).await;
    window.choose("Send test").await;
    window.wait_for("#answer", "It was taken").await;
    window.read("type them again before you save").await;
    assert_eq!(window.value("#TWILIO-accountSid").await, SID, "what was typed is kept");
    assert_eq!(window.value("#TWILIO-authToken").await, "", "a credential is not");
    window.go("/settings/sms").await;
    enter_twilio(&window).await;
    window.press(Key::Enter).await;
    window.wait_for("[role=status]", "Saved.").await;
    add_a_telephone(&window, &vendors).await;
    // Rows of rules come and go without a script too.
    window.choose("Add a rule for High urgency").await;
    window.find("#rules-0-channel").await;
    window.choose("Save rules").await;
    window
        .wait_for("[role=status]", "The notification rules were saved")
        .await;
    window.close().await;
}
