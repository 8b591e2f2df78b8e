//! The command line. `--help` on every level; what goes wrong is told on standard error; exit code 2 for bad usage,
//! 1 for failure.

mod account;
mod demo;
mod doctor;
mod file;
mod watch;

use std::{future::Future, path::Path, process::ExitCode};

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use opsknight_domain::directory::Role;

use crate::{
    clock::SystemClock,
    config::{self, Raw, Settings},
    serve, telemetry,
};

/// The incident management server that small teams run themselves and large ones trust.
#[derive(Debug, Parser)]
#[command(name = "opsknight", version, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    settings: Raw,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run everything: HTTP, web pages, escalation and delivery
    Serve(Raw),
    /// Bring the database to this version and exit
    Migrate(Raw),
    /// Fill an empty database with a believable organisation
    Demo(Raw),
    /// Accounts of people
    #[command(subcommand)]
    User(UserCommand),
    /// Keys for programs
    #[command(subcommand, name = "api-key")]
    ApiKey(ApiKeyCommand),
    /// Copy the embedded database into a new file while the server runs
    Backup {
        /// The file to write; it must not exist
        file: std::path::PathBuf,
        /// Put the secret key into the file too: one file is then all there is to keep, and to keep secret
        #[arg(long)]
        with_key: bool,
        #[command(flatten)]
        settings: Raw,
    },
    /// Put a backup in place of an embedded database that is empty
    Restore {
        /// A file that `backup` wrote
        file: std::path::PathBuf,
        #[command(flatten)]
        settings: Raw,
    },
    /// Watch another installation: raise an alert again and again, and tell people by a second path when it pages nobody
    #[command(after_help = config::WATCH_SECRETS)]
    Watch {
        #[command(flatten)]
        watch: Box<config::RawWatch>,
        #[command(flatten)]
        settings: Raw,
    },
    /// Check configuration, database, clock and providers, and say what is wrong
    Doctor(Raw),
}

#[derive(Debug, Subcommand)]
enum UserCommand {
    /// Add a person and print their id
    Create {
        /// Mail address, which is also the name to sign in with
        #[arg(long)]
        email: String,
        /// Name
        #[arg(long)]
        name: String,
        /// ADMIN, RESPONDER or USER
        #[arg(long, value_parser = role)]
        role: Role,
        /// Read the password from standard input; without it an invitation link is printed
        #[arg(long)]
        password_stdin: bool,
        #[command(flatten)]
        settings: Raw,
    },
    /// Let a person sign in again who lost their password or second step: takes the second step away and prints a link
    Recover {
        /// Mail address
        #[arg(long)]
        email: String,
        #[command(flatten)]
        settings: Raw,
    },
}

#[derive(Debug, Subcommand)]
enum ApiKeyCommand {
    /// Make a key and print it, once, alone on standard output
    Create {
        /// What it is for
        #[arg(long)]
        name: String,
        /// Scopes by comma, such as events:write,incidents:read
        #[arg(long, value_delimiter = ',', required = true)]
        scopes: Vec<String>,
        #[command(flatten)]
        settings: Raw,
    },
}

fn role(text: &str) -> Result<Role, String> {
    Role::from_word(&text.to_uppercase()).ok_or_else(|| "must be ADMIN, RESPONDER or USER".to_owned())
}

/// Does what the command line says.
#[must_use]
pub fn run() -> ExitCode {
    let Cli { command, settings } = Cli::parse();
    let done = match command.unwrap_or(Command::Serve(settings)) {
        Command::Serve(raw) => with(raw, true, serve::serve),
        Command::Migrate(raw) => with(raw, true, migrate),
        Command::Demo(raw) => with(raw, true, demo::demo),
        Command::User(UserCommand::Create {
            email,
            name,
            role,
            password_stdin,
            settings,
        }) => with(settings, false, |settings| {
            account::create_user(settings, email, name, role, password_stdin)
        }),
        Command::User(UserCommand::Recover { email, settings }) => {
            with(settings, false, |settings| account::recover_user(settings, email))
        }
        Command::ApiKey(ApiKeyCommand::Create { name, scopes, settings }) => with(settings, false, |settings| {
            account::create_api_key(settings, name, scopes)
        }),
        Command::Backup {
            file,
            with_key,
            settings,
        } => with(settings, false, |settings| file::backup(settings, file, with_key)),
        Command::Restore { file, settings } => with(settings, false, |settings| file::restore(settings, file)),
        Command::Watch { watch, settings } => with(settings, false, |settings| watch::watch(settings, *watch)),
        Command::Doctor(raw) => with(raw, false, doctor::doctor),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error);
            if error.is::<config::Wrong>() || error.is::<BadUsage>() {
                ExitCode::from(2)
            } else {
                ExitCode::FAILURE
            }
        }
    }
}

/// A value on the command line that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct BadUsage(String);

#[expect(clippy::print_stderr, reason = "the command's own errors")]
fn complain(error: &anyhow::Error) {
    eprintln!("opsknight: {error:#}");
}

/// The command's own output.
#[expect(clippy::print_stdout, reason = "the command's own output")]
fn say(line: &str) {
    println!("{line}");
}

/// Checks the settings, starts logging and runs the command. Commands that only print a result log what is wrong and
/// nothing else.
fn with<F: Future<Output = anyhow::Result<()>>>(
    raw: Raw,
    serves: bool,
    command: impl FnOnce(Settings) -> F,
) -> anyhow::Result<()> {
    let mut raw = raw.with_file(Path::new(config::FILE))?;
    if !serves && raw.log.is_none() {
        raw.log = Some("warn".into());
    }
    let settings = Settings::check(raw)?;
    telemetry::log(&settings)?;
    // There is one provider of cryptography in the program; a second installation changes nothing.
    let _already = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime
        .context("the program's threads cannot be started")?
        .block_on(command(settings))
}

async fn migrate(settings: Settings) -> anyhow::Result<()> {
    let store = serve::open(&settings, &SystemClock).await?;
    store.db.close().await;
    say("The database is at this version.");
    Ok(())
}
