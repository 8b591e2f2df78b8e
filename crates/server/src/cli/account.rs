//! `opsknight user create`, `opsknight user recover` and `opsknight api-key create`.

use std::io::Read as _;

use anyhow::Context as _;
use jiff::SignedDuration;
use opsknight_domain::{
    directory::{Role, Standing},
    id::{ApiKeyId, AuditId, UserId},
    incident::Actor,
};
use opsknight_store::{
    api_keys::{self, ApiKeyRow},
    audit::{self, AuditLine},
    db::Tx,
    refusal::ChangeError,
    second_factor,
    sessions::{self, LinkPurpose},
    users::{self, UserRow},
};
use opsknight_web::{
    api::scope::Scope,
    auth::{Passwords, password_problem},
    state::Clock,
};
use serde_json::json;

use super::{BadUsage, say};
use crate::{clock::SystemClock, config::Settings, serve};

/// How long an invitation works.
const INVITATION_LASTS: SignedDuration = SignedDuration::from_hours(7 * 24);
/// How long the link works by which somebody who was locked out chooses a new password.
const RECOVERY_LASTS: SignedDuration = SignedDuration::from_hours(1);

/// Adds a person. With a password they can sign in at once; without, they are sent the printed link.
pub(super) async fn create_user(
    settings: Settings,
    email: String,
    name: String,
    role: Role,
    password_stdin: bool,
) -> anyhow::Result<()> {
    let clock = SystemClock;
    let email = opsknight_channels::email::check_address(&email).map_err(|why| BadUsage(format!("--email {why}")))?;
    let name = name.trim().to_owned();
    if name.is_empty() || name.chars().count() > 200 {
        return Err(BadUsage("--name must have from 1 to 200 characters".into()).into());
    }
    let password = if password_stdin {
        Some(password_from_stdin()?)
    } else {
        None
    };
    let store = serve::open(&settings, &clock).await?;
    let now = clock.now();
    let hash = match &password {
        Some(password) => {
            let hashed = Passwords::new(&clock).hash(password, &clock).await;
            Some(hashed.map_err(|_| anyhow::anyhow!("the password cannot be hashed"))?)
        }
        None => None,
    };
    let user = UserRow {
        id: UserId::new(clock.uuid_v7()),
        email,
        name,
        role,
        standing: if hash.is_some() {
            Standing::Active
        } else {
            Standing::Invited
        },
        time_zone: "UTC".into(),
        phone: None,
        wants_news: true,
        created_at: now,
        updated_at: now,
    };
    let token = new_token(&clock);
    let token_hash = opsknight_store::secret::token_hash(&token);
    let expires = now.checked_add(INVITATION_LASTS).context("the clock is out of range")?;
    let (id, audit_id) = (user.id, AuditId::new(clock.uuid_v7()));
    let unit = async move |tx: &mut Tx<'_>| {
        users::insert(tx, &user).await?;
        match &hash {
            Some(hash) => users::set_password(tx, user.id, hash, now).await?,
            None => sessions::insert_link(tx, &token_hash, LinkPurpose::Invite, Some(user.id), now, expires).await?,
        }
        let line = line(audit_id, now, "user.created", "user", &user.id.to_string(), &user.name);
        audit::record(tx, &line).await?;
        Ok::<_, ChangeError>(())
    };
    store.db.write(unit).await.context("the user was not added")?;
    store.db.close().await;
    say(&id.to_string());
    if password.is_none() {
        say(&password_link(&settings, &token));
    }
    Ok(())
}

/// Lets somebody sign in again who has lost their password or their second step: takes the second step away, and prints
/// a link by which they choose a password. Whoever may run this reads the database anyway.
pub(super) async fn recover_user(settings: Settings, email: String) -> anyhow::Result<()> {
    let clock = SystemClock;
    let store = serve::open(&settings, &clock).await?;
    let now = clock.now();
    let token = new_token(&clock);
    let hash = opsknight_store::secret::token_hash(&token);
    let expires = now.checked_add(RECOVERY_LASTS).context("the clock is out of range")?;
    let audit_ids = [(); 2].map(|()| AuditId::new(clock.uuid_v7()));
    let wanted = email.trim().to_owned();
    let unit = async move |tx: &mut Tx<'_>| {
        let Some((user, _)) = users::by_email(tx, &wanted).await? else {
            return Ok(Err("there is nobody with this address"));
        };
        let purpose = match user.standing {
            Standing::Invited => LinkPurpose::Invite,
            Standing::Active => LinkPurpose::Reset,
            Standing::Disabled => return Ok(Err("the account is disabled; an administrator can enable it")),
        };
        let id = user.id.to_string();
        let had_second_step = second_factor::delete(tx, user.id).await?;
        if had_second_step {
            audit::record(
                tx,
                &line(audit_ids[0], now, "user.second_step_reset", "user", &id, &user.name),
            )
            .await?;
        }
        sessions::insert_link(tx, &hash, purpose, Some(user.id), now, expires).await?;
        audit::record(tx, &line(audit_ids[1], now, "user.link_made", "user", &id, &user.name)).await?;
        Ok::<_, ChangeError>(Ok(had_second_step))
    };
    let done = store.db.write(unit).await.context("nothing was changed")?;
    store.db.close().await;
    let had_second_step = done.map_err(|why| anyhow::anyhow!("--email {email}: {why}"))?;
    if had_second_step {
        say("Two-step sign-in is off. The link sets a new password and works for an hour:");
    } else {
        say("The link sets a new password and works for an hour:");
    }
    say(&password_link(&settings, &token));
    Ok(())
}

/// A token for a link, drawn anew.
fn new_token(clock: &SystemClock) -> String {
    let mut token = [0; 32];
    clock.fill(&mut token);
    hex::encode(token)
}

/// Where somebody chooses a password.
fn password_link(settings: &Settings, token: &str) -> String {
    let base = settings
        .public_url
        .as_ref()
        .map_or_else(|| format!("http://{}", settings.listen), ToString::to_string);
    format!("{}/invite/{token}", base.trim_end_matches('/'))
}

fn password_from_stdin() -> anyhow::Result<String> {
    let mut text = String::new();
    std::io::stdin()
        .take(4096)
        .read_to_string(&mut text)
        .context("the password cannot be read")?;
    let password = text.trim_end_matches(['\r', '\n']).to_owned();
    match password_problem(&password) {
        Some(problem) => Err(BadUsage(format!("the password {problem}")).into()),
        None => Ok(password),
    }
}

/// Makes a key for a program.
pub(super) async fn create_api_key(settings: Settings, name: String, scopes: Vec<String>) -> anyhow::Result<()> {
    let clock = SystemClock;
    let scopes: Vec<String> = scopes.into_iter().map(|scope| scope.trim().to_owned()).collect();
    if let Some(unknown) = scopes.iter().find(|scope| Scope::from_word(scope).is_none()) {
        let known = Scope::ALL.map(Scope::word).join(", ");
        return Err(BadUsage(format!("--scopes: there is no scope {unknown}; there are {known}")).into());
    }
    let store = serve::open(&settings, &clock).await?;
    let mut random = [0; api_keys::KEY_BYTES];
    clock.fill(&mut random);
    let key = api_keys::new_key(random);
    let now = clock.now();
    let row = ApiKeyRow {
        id: ApiKeyId::new(clock.uuid_v7()),
        name,
        hint: api_keys::hint(&key),
        scopes,
        created_by: None,
        created_at: now,
        expires_at: None,
        last_used_at: None,
    };
    let (stored, audit_id) = (key.clone(), AuditId::new(clock.uuid_v7()));
    let unit = async move |tx: &mut Tx<'_>| {
        api_keys::insert(tx, &row, &stored).await?;
        let line = line(
            audit_id,
            now,
            "api_key.created",
            "api_key",
            &row.id.to_string(),
            &row.name,
        );
        audit::record(tx, &line).await?;
        Ok::<_, ChangeError>(())
    };
    store.db.write(unit).await.context("the key was not made")?;
    store.db.close().await;
    say(key.expose());
    Ok(())
}

/// A line of the audit log about what this command did.
fn line<'a>(
    id: AuditId,
    at: jiff::Timestamp,
    action: &'a str,
    kind: &'a str,
    object_id: &str,
    object_name: &'a str,
) -> AuditLine<'a> {
    AuditLine {
        id,
        at,
        actor: &Actor::System,
        actor_id: None,
        ip: None,
        action,
        object_kind: kind,
        object_id: object_id.to_owned(),
        object_name,
        changes: json!({ "by": "the command line" }),
    }
}
