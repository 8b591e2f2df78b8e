//! The deterministic simulation behind `cargo xtask simulate`: the program's own domain, store and engine on a simulated
//! clock, with people, monitoring tools, providers, crashes and broken clocks drawn from one seed, and an oracle that shares
//! no rule with them. The same seed is the same story, so that a failure can be played again.
//!
//! It owns no rule of the product and decides nothing there; `docs/guide/reliability.md` says what it checks.

#![expect(clippy::print_stdout, reason = "it prints figures and stories")]

mod alerts;
mod dice;
mod edits;
mod figures;
mod hall;
mod kept;
mod oracle;
mod org;
mod people;
mod plan;
mod provider;
mod replica;
mod run;
mod trace;
mod watch;

use std::{
    process::ExitCode,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Instant,
};

use anyhow::Context as _;
use clap::Parser;
use jiff::Timestamp;
use opsknight_channels::Timeouts;
use opsknight_domain::directory::Channel;
use opsknight_server::{
    clock::SystemClock,
    engine::{
        deliver::Links,
        outbox::{Calls, Outbox},
    },
};
use opsknight_store::{
    Store,
    db::{
        Db,
        simulated::{Memory, Open},
    },
    seal::Sealer,
};
use url::Url;

use self::{figures::Figures, replica::Parts, run::Outcome};

/// The program's own: runs are to take as long as they would there.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How many lines of a story are shown where nobody asks for more.
const STORY_LINES: usize = 120;
/// After how many runs the command says how far it is.
const SAYS_EVERY: u64 = 5_000;

/// What the command is asked to do.
#[derive(Debug, Parser)]
struct Options {
    /// The first seed. Without it the kept seeds are played, as in the tests.
    #[arg(long)]
    seed: Option<u64>,
    /// How many seeds, one after the other.
    #[arg(long, default_value_t = 1)]
    runs: u64,
    /// How many threads; each plays seeds of its own.
    #[arg(long)]
    threads: Option<usize>,
    /// Shows the whole story of each run.
    #[arg(long)]
    story: bool,
    /// Goes on after a failure, and says which seeds fail.
    #[arg(long)]
    go_on: bool,
    /// What `cargo test` and `cargo bench` say to all that they run.
    #[arg(hide = true, trailing_var_arg = true, allow_hyphen_values = true)]
    rest: Vec<String>,
    /// Cargo says so.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> ExitCode {
    let _already = rustls::crypto::ring::default_provider().install_default();
    let options = Options::parse();
    let done = match options.seed {
        Some(first) => simulate(&options, first),
        None => kept::play(&options.rest),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            println!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

/// What each thread makes once.
struct Stage {
    template: Arc<Memory>,
    parts: Parts,
}

impl Stage {
    fn new() -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        let template = runtime.block_on(Memory::migrated(Timestamp::UNIX_EPOCH))?;
        let sealer = Sealer::new(&[7; 32]);
        let public_url = Url::parse("https://opsknight.example.com")?;
        let channels: std::collections::BTreeSet<Channel> = Channel::ALL.into();
        let store = Store::new(
            Db::simulated(template.clone(), Arc::new(Open)),
            sealer.clone(),
            channels,
        );
        let calls = Calls {
            allow_private: false,
            timeouts: Timeouts::default(),
        };
        let outbox = Outbox::new(
            store,
            Arc::new(SystemClock),
            opsknight_server::config::Providers::default(),
            public_url.clone(),
            calls,
        );
        let outbox = outbox
            .map_err(|error| anyhow::anyhow!("{error}"))
            .context("no HTTP client can be made")?;
        let links = Links {
            public_url,
            ack_key: [7; 32],
        };
        let parts = Parts { outbox, sealer, links };
        Ok(Self { template, parts })
    }

    fn play(&self, seed: u64, lines: usize) -> Outcome {
        run::play(seed, &self.template, &self.parts, lines)
    }
}

/// What all threads add to.
#[derive(Default)]
struct Sum {
    next: AtomicU64,
    stop: AtomicBool,
    figures: Mutex<Figures>,
    failed: Mutex<Vec<u64>>,
}

/// Plays many seeds. True when none failed.
fn simulate(options: &Options, first: u64) -> anyhow::Result<bool> {
    let begun = Instant::now();
    let sum = Sum::default();
    let threads = options
        .threads
        .unwrap_or_else(|| thread::available_parallelism().map_or(1, std::num::NonZero::get));
    let played: Vec<anyhow::Result<()>> = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|_| scope.spawn(|| work(options, first, &sum)))
            .collect();
        let join = |worker: thread::ScopedJoinHandle<'_, anyhow::Result<()>>| worker.join();
        workers
            .into_iter()
            .map(|worker| join(worker).unwrap_or_else(|_| anyhow::bail!("a thread panicked")))
            .collect()
    });
    for one in played {
        one?;
    }
    let figures = *sum.figures.lock().map_err(|_| anyhow::anyhow!("a thread panicked"))?;
    let took = begun.elapsed().as_secs_f64();
    for line in figures.lines() {
        println!("{line}");
    }
    #[expect(clippy::cast_precision_loss, reason = "runs are few")]
    let per_second = figures.runs as f64 / took;
    println!("{took:>14.1} seconds, {per_second:.1} runs a second with {threads} threads");
    let mut failed = sum.failed.into_inner().unwrap_or_default();
    failed.sort_unstable();
    if !failed.is_empty() {
        println!("FAILED: seeds {failed:?}");
    }
    Ok(failed.is_empty())
}

fn work(options: &Options, first: u64, sum: &Sum) -> anyhow::Result<()> {
    let stage = Stage::new()?;
    let lines = if options.story { usize::MAX } else { STORY_LINES };
    while !sum.stop.load(Ordering::Relaxed) {
        let number = sum.next.fetch_add(1, Ordering::Relaxed);
        if number >= options.runs {
            break;
        }
        let outcome = stage.play(first + number, lines);
        if let Ok(mut figures) = sum.figures.lock() {
            figures.add(outcome.figures);
        }
        let is_long = options.runs > SAYS_EVERY && (number + 1).is_multiple_of(SAYS_EVERY);
        if is_long {
            println!("{} runs", number + 1);
        }
        let Some(failure) = &outcome.failure else {
            if options.story {
                outcome.story.iter().for_each(|line| println!("{line}"));
            }
            continue;
        };
        if let Ok(mut failed) = sum.failed.lock() {
            failed.push(outcome.seed);
            if options.go_on {
                println!("seed {}: {failure}", outcome.seed);
            } else {
                tell(&outcome, failure);
            }
        }
        sum.stop.fetch_or(!options.go_on, Ordering::Relaxed);
    }
    Ok(())
}

/// Shows how a run failed, and how to see it again.
fn tell(outcome: &Outcome, failure: &str) {
    outcome.story.iter().for_each(|line| println!("{line}"));
    println!("\nseed {}: {failure}", outcome.seed);
    println!(
        "Again, with the whole story: cargo xtask simulate --seed {} --story",
        outcome.seed
    );
}
