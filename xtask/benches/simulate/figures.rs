//! What is counted over runs.

/// The counts of a run, or of many.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Figures {
    pub(crate) runs: u64,
    /// Simulated time.
    pub(crate) seconds: u64,
    pub(crate) commits: u64,
    pub(crate) events: u64,
    pub(crate) answered: u64,
    pub(crate) incidents: u64,
    pub(crate) steps: u64,
    pub(crate) pages: u64,
    pub(crate) twice: u64,
    pub(crate) refused: u64,
    pub(crate) unsure: u64,
    pub(crate) acknowledgements: u64,
    pub(crate) deeds: u64,
    pub(crate) edits: u64,
    pub(crate) crashes: u64,
    pub(crate) freezes: u64,
    pub(crate) clock_steps: u64,
    pub(crate) faults: u64,
}

impl Figures {
    fn each(&mut self) -> [(&'static str, &mut u64); 18] {
        [
            ("runs", &mut self.runs),
            ("seconds of simulated time", &mut self.seconds),
            ("commits", &mut self.commits),
            ("requests of monitoring tools", &mut self.events),
            ("of them answered 2xx", &mut self.answered),
            ("incidents", &mut self.incidents),
            ("steps of policies run", &mut self.steps),
            ("messages that a provider took", &mut self.pages),
            ("of them a second time, in the documented window", &mut self.twice),
            ("refusals", &mut self.refused),
            ("calls of which nobody knows how they ended", &mut self.unsure),
            ("acknowledgements", &mut self.acknowledgements),
            ("things that people did", &mut self.deeds),
            ("changes of the configuration", &mut self.edits),
            ("crashes", &mut self.crashes),
            ("replicas that stood still", &mut self.freezes),
            ("steps of a clock", &mut self.clock_steps),
            ("failures of the database", &mut self.faults),
        ]
    }

    pub(crate) fn add(&mut self, mut other: Self) {
        for ((_, mine), (_, theirs)) in self.each().into_iter().zip(other.each()) {
            *mine += *theirs;
        }
    }

    /// Each on a line.
    pub(crate) fn lines(mut self) -> Vec<String> {
        let hours = self.seconds / 3_600;
        let mut lines = vec![format!("{hours:>14} hours of simulated time")];
        let counted = self.each().into_iter().filter(|(name, _)| !name.starts_with("seconds"));
        lines.extend(counted.map(|(name, n)| format!("{n:>14} {name}")));
        lines
    }
}
