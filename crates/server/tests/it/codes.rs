//! The codes by which people show that a telephone is theirs.

use jiff::SignedDuration;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    both::Place,
    people::{ANN, BOB, Crew, SignedIn, method, reach, rules},
    signers::twilio,
    world::World,
};

both! {
    a_telephone_is_paged_once_its_code_was_entered,
    a_code_is_spent_after_five_tries_and_ten_minutes,
    without_a_provider_no_code_is_promised,
}

/// The only page goes to Carol, who may look at things and no more.
async fn with_carol(world: &World) -> (Crew, String) {
    let crew = Crew::gather(world, 10).await;
    let carol = json!({ "email": "carol@example.com", "name": "Carol", "role": "USER" });
    let carol = world.api.make("/api/users", carol).await;
    let steps = json!([{ "targets": [{ "type": "USER", "id": carol }], "delayMinutes": 60 }]);
    let policy = format!("/api/escalation-policies/{}", crew.organisation.policy);
    world.api.patch(&policy, json!({ "steps": steps })).await;
    (crew, carol)
}

fn texts(world: &World) -> Vec<(String, String)> {
    let calls = world.around.vendors.calls("/Messages.json");
    calls
        .iter()
        .map(|call| (call.field("To"), call.field("Body")))
        .collect()
}

/// The six digits in a text.
fn digits(said: &str) -> String {
    let words = said.split(|c: char| !c.is_ascii_digit());
    words.into_iter().find(|word| word.len() == 6).expect(said).to_owned()
}

fn wrong(code: &str) -> String {
    format!("{:06}", (code.parse::<u32>().unwrap() + 1) % 1_000_000)
}

async fn a_telephone_is_paged_once_its_code_was_entered(place: &Place) {
    let mut world = World::begin_with(place, twilio).await;
    let (crew, carol) = with_carol(&world).await;
    let path = format!("/api/users/{carol}/contact-methods");
    let phone = json!({ "type": "SMS", "address": "+49 151 12345678" });
    let made = {
        let signed_in = SignedIn::new(&world, &carol).await;
        let other = format!("/api/users/{}/contact-methods", crew.ann);
        assert_eq!(signed_in.call(Method::POST, &other, phone.clone()).await.0, 403);
        let (status, made) = signed_in.call(Method::POST, &path, phone).await;
        assert_eq!((status.as_u16(), &made["verified"]), (201, &json!(false)), "{made}");
        assert_eq!(made["address"], ANN);
        made
    };
    world.work().await;
    let sent = texts(&world);
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].0, ANN);
    let code = digits(&sent[0].1);
    // Not verified, so not paged: mail is what is left.
    let id = world.trigger(&crew.events, "one", "critical").await;
    world.work().await;
    assert_eq!(texts(&world).len(), 1);
    assert_eq!(world.around.post.recipients(), ["carol@example.com"]);
    rules(&world, &carol, &[("HIGH", "SMS", 0)]).await;
    let id_by_rule = world.trigger(&crew.events, "two", "critical").await;
    world.work().await;
    assert_eq!(texts(&world).len(), 1);
    let timeline = world.timeline(&id_by_rule).await;
    assert!(timeline.contains("not verified yet"), "{timeline}");
    // The code stands nowhere else.
    let told = format!(
        "{:?}{:?}{}",
        world.api.all("/api/notifications").await,
        world.api.all("/api/audit-log").await,
        world.timeline(&id).await
    );
    assert!(!told.contains(&code), "{told}");
    let verify = format!("{path}/{}/verify", made["id"].as_str().unwrap());
    {
        let signed_in = SignedIn::new_again(&world, &carol);
        let (status, answer) = signed_in
            .call(Method::POST, &verify, json!({ "code": wrong(&code) }))
            .await;
        assert_eq!(status, 400, "{answer}");
        assert!(answer.to_string().contains("4 tries are left"), "{answer}");
        let spaced = format!("{} {}", &code[..3], &code[3..]);
        let (status, answer) = signed_in.call(Method::POST, &verify, json!({ "code": spaced })).await;
        assert_eq!((status.as_u16(), &answer["verified"]), (200, &json!(true)), "{answer}");
    }
    world.minutes(20).await;
    world.trigger(&crew.events, "three", "critical").await;
    world.work().await;
    let sent = texts(&world);
    assert_eq!(sent.len(), 2);
    assert!(sent[1].0 == ANN && sent[1].1.contains("three is wrong"), "{sent:?}");
    world.finish().await;
}

async fn a_code_is_spent_after_five_tries_and_ten_minutes(place: &Place) {
    let mut world = World::begin_with(place, twilio).await;
    let (_, carol) = with_carol(&world).await;
    let path = format!("/api/users/{carol}/contact-methods");
    let call = async |world: &World, path: &str, body: Value| {
        SignedIn::new_again(world, &carol).call(Method::POST, path, body).await
    };
    drop(SignedIn::new(&world, &carol).await);
    let (_, made) = call(&world, &path, json!({ "type": "SMS", "address": ANN })).await;
    world.work().await;
    let id = made["id"].as_str().unwrap().to_owned();
    let (verify, again) = (format!("{path}/{id}/verify"), format!("{path}/{id}/send-code"));
    let code = digits(&texts(&world)[0].1);
    let (status, answer) = call(&world, &again, json!({})).await;
    assert_eq!(status, 429, "only after a minute: {answer}");
    for bad in ["12345", "abcdef", ""] {
        let (status, answer) = call(&world, &verify, json!({ "code": bad })).await;
        assert_eq!(status, 400, "{answer}");
    }
    for left in [4, 3, 2, 1, 0] {
        let (status, answer) = call(&world, &verify, json!({ "code": wrong(&code) })).await;
        assert_eq!(status, 400, "{left}: {answer}");
    }
    let (status, answer) = call(&world, &verify, json!({ "code": code })).await;
    assert_eq!(status, 409, "it is spent: {answer}");
    // A new one, which is waited with for too long.
    world.advance(SignedDuration::from_secs(60)).await;
    assert_eq!(call(&world, &again, json!({})).await.0, 202);
    world.work().await;
    let second = digits(&texts(&world)[1].1);
    assert_eq!(call(&world, &verify, json!({ "code": wrong(&second) })).await.0, 400);
    world.minutes(10).await;
    let (status, answer) = call(&world, &verify, json!({ "code": second })).await;
    assert_eq!(status, 409, "it is too old: {answer}");
    assert_eq!(call(&world, &again, json!({})).await.0, 202);
    world.work().await;
    let third = digits(&texts(&world)[2].1);
    world.minutes(9).await;
    assert_eq!(call(&world, &verify, json!({ "code": third })).await.0, 200);
    assert_eq!(method(&world, &carol, &id).await["verified"], true);
    let (status, answer) = call(&world, &again, json!({})).await;
    assert_eq!(status, 409, "{answer}");
    world.finish().await;
}

async fn without_a_provider_no_code_is_promised(place: &Place) {
    let mut world = World::begin(place).await;
    let (_, carol) = with_carol(&world).await;
    let path = format!("/api/users/{carol}/contact-methods");
    for kind in ["SMS", "VOICE", "WHATSAPP"] {
        let signed_in = SignedIn::new_again(&world, &carol);
        if kind == "SMS" {
            drop(SignedIn::new(&world, &carol).await);
        }
        let wish = json!({ "type": kind, "address": ANN });
        let (status, answer) = signed_in.call(Method::POST, &path, wish).await;
        assert_eq!(status, 409, "{answer}");
        assert!(answer.to_string().contains("no provider is set up"), "{answer}");
    }
    assert!(world.api.all(&path).await.is_empty(), "nothing half is kept");
    // An administrator may note a number for the day on which there is one.
    reach(&world, &carol, "SMS", BOB).await;
    // Another mail address needs its code too, and there is a provider for that.
    let wish = json!({ "type": "EMAIL", "address": "carol@other.example" });
    let (status, made) = SignedIn::new_again(&world, &carol)
        .call(Method::POST, &path, wish)
        .await;
    assert_eq!((status.as_u16(), &made["verified"]), (201, &json!(false)), "{made}");
    world.work().await;
    let letter = world.around.post.taken().pop().unwrap();
    assert_eq!(letter.to, "carol@other.example");
    let code = digits(&letter.content.split("code is").nth(1).unwrap()[..20]);
    let verify = format!("{path}/{}/verify", made["id"].as_str().unwrap());
    let signed_in = SignedIn::new_again(&world, &carol);
    assert_eq!(
        signed_in.call(Method::POST, &verify, json!({ "code": code })).await.0,
        200
    );
    world.finish().await;
}
