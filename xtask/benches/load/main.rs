//! The measuring behind `cargo xtask bench`: it starts the very program that people run, sends it what monitoring tools
//! send, takes what it sends on, and prints the figures beside what the machine can do at best.
//!
//! It shares the processor with what it measures, as a local monitoring tool would; the figures say how much of it each
//! used. It owns no rule of the product and looks at it from outside, but for filling databases in advance.

#![expect(clippy::print_stdout, reason = "it prints figures")]

mod database;
mod drive;
mod groups;
mod http;
mod ingest;
mod latency;
mod limits;
mod list;
mod live;
mod parse;
mod program;
mod report;
mod sinks;
mod slow;
mod start;
mod steady;
mod storm;

use std::{path::PathBuf, time::Duration};

use clap::{Parser, ValueEnum};
use serde_json::json;

use self::{database::Places, limits::Limits, report::Part};

/// The program's own: what is measured within this process is to take as long as there.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Of a full run's time and numbers, the share that a quick one takes.
const QUICK: u32 = 5;

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum What {
    /// Durable new incidents a second.
    Ingest,
    /// From the answer to the provider.
    Latency,
    /// Cold starts and memory.
    Start,
    /// Lists with a million incidents.
    List,
    /// Reading bodies, without a server.
    Parse,
    /// Alertmanager's groups of hundreds of alerts.
    Groups,
    /// Ten thousand incidents at once.
    Storm,
    /// Providers that take five seconds to answer.
    Slow,
    /// A thousand browsers that listen.
    Live,
    /// The same load for ten minutes.
    Steady,
}

impl What {
    const fn title(self) -> &'static str {
        match self {
            Self::Ingest => "durable new incidents",
            Self::Latency => "an idle server, one event at a time",
            Self::Start => "cold start and memory",
            Self::List => "lists of incidents",
            Self::Parse => "reading bodies",
            Self::Groups => "Alertmanager's groups",
            Self::Storm => "a storm",
            Self::Slow => "slow providers",
            Self::Live => "live browsers",
            Self::Steady => "the same load for ten minutes",
        }
    }

    async fn measure(self, context: &Context, limits: Limits, part: &mut Part) -> anyhow::Result<()> {
        match self {
            Self::Ingest => ingest::measure(context, limits, part).await,
            Self::Latency => latency::measure(context, part).await,
            Self::Start => start::measure(context, part).await,
            Self::List => list::measure(context, part).await,
            Self::Parse => parse::measure(context, part),
            Self::Groups => groups::measure(context, part).await,
            Self::Storm => storm::measure(context, part).await,
            Self::Slow => slow::measure(context, part).await,
            Self::Live => live::measure(context, part).await,
            Self::Steady => steady::measure(context, part).await,
        }
    }
}

/// What the run is asked to do.
#[derive(Debug, Parser)]
struct Options {
    /// A shorter run with rougher figures.
    #[arg(long)]
    quick: bool,
    /// Only these parts; the limits are always measured.
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<What>,
    /// The program that is measured.
    #[arg(long)]
    program: PathBuf,
    /// Where databases go: a folder on a real disk, which is emptied.
    #[arg(long, default_value = "target/bench")]
    folder: PathBuf,
    /// A PostgreSQL server that keeps what it commits; without one only SQLite is measured.
    #[arg(long)]
    postgres: Option<String>,
    /// The file for the figures.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Cargo says so.
    #[arg(long, hide = true)]
    bench: bool,
}

/// What all parts share.
struct Context {
    program: PathBuf,
    places: Places,
    folder: PathBuf,
    quick: bool,
}

impl Context {
    /// So many seconds, or fewer in a quick run.
    fn time(&self, seconds: u64) -> Duration {
        let time = Duration::from_secs(seconds);
        if self.quick { time / QUICK } else { time }
    }

    /// So many, or fewer in a quick run.
    fn count(&self, many: usize) -> usize {
        if self.quick { many / QUICK as usize } else { many }
    }
}

fn main() -> anyhow::Result<()> {
    // Databases on PostgreSQL may want TLS; there is one provider of it.
    let _already = rustls::crypto::ring::default_provider().install_default();
    if std::env::args().nth(1).as_deref() == Some(limits::EMPTY_SERVER) {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        return runtime.block_on(limits::be_empty_server());
    }
    let options = Options::parse();
    // One thread for the load: the rest of the machine is for what is measured.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(run(options))
}

async fn run(options: Options) -> anyhow::Result<()> {
    let folder = std::path::absolute(&options.folder)?;
    let context = Context {
        program: std::path::absolute(&options.program)?,
        places: Places::new(&folder, options.postgres)?,
        folder,
        quick: options.quick,
    };
    let wanted = |what: What| options.only.is_empty() || options.only.contains(&what);
    let mut parts = Vec::new();
    println!("load average before: {}", load_average());
    let mut part = Part::begin("limits of this machine");
    let limits: Limits = limits::measure(&context, &mut part).await?;
    parts.push(part.json());
    for what in What::value_variants() {
        if wanted(*what) {
            let mut part = Part::begin(what.title());
            what.measure(&context, limits, &mut part).await?;
            parts.push(part.json());
        }
    }
    println!("\nload average after: {}", load_average());
    if let Some(file) = options.json {
        std::fs::write(
            file,
            format!("{:#}\n", json!({ "quick": options.quick, "parts": parts })),
        )?;
    }
    Ok(())
}

/// How busy the machine is: figures of a busy one say little.
fn load_average() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').take(3).collect::<Vec<_>>().join(" ")
}
