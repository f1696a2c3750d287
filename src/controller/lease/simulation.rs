//! Many processes, one Lease and a bad network, all simulated, so that each second is free.
//!
//! Messages are late or lost, processes stop and continue, crash and resign, clocks are
//! wrong, and others write or delete the Lease. Whatever happens, two processes never lead at
//! the same time, and once the network is well, one does.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestRng};
use serde_json::json;

use super::evaluate::{LeaseAction, evaluate};
use super::state::{LeaseState, Sighting};
use super::times::LeaseTimes;
use crate::cluster::{Lease, LeaseNotes, LeaseSpec};

/// True time, in milliseconds since the start.
type Millis = u64;

/// Until when the network is bad, and when the simulation ends.
const BAD_UNTIL: Millis = 200_000;
const END: Millis = 400_000;

/// The longest delay, which is much longer than any time of the Lease.
const LONGEST_DELAY: Millis = 60_000;

#[derive(Debug, Clone)]
enum LeaseOperation {
    Get,
    Create(LeaseSpec),
    Replace(String, LeaseSpec),
}

#[derive(Debug, Clone)]
enum Answer {
    Lease(Option<Lease>),
    /// The stored Lease, and the version that it replaced.
    Written(Lease, Option<String>),
    Conflict,
}

#[derive(Debug, Clone)]
enum Happening {
    /// A process looks at its clock, unless it has set its alarm anew.
    Wake(usize, u64),
    /// A request reaches the server.
    Arrive(usize, u64, LeaseOperation),
    /// The answer reaches the process.
    Reply(usize, u64, Answer),
    Timeout(usize, u64),
    /// A watch reports a state, or a deletion at a version.
    Report(usize, Option<Lease>, u64),
    /// Somebody else writes an annotation, or deletes the Lease.
    Annotate,
    Delete,
}

struct Process {
    state: LeaseState,
    /// This process's clock at the true time 0. Every clock has another origin.
    origin: Instant,
    /// The clock for people is wrong by this much.
    wrong_by: SignedDuration,
    /// The request that is under way: its number, when it was sent, and whether it resigns.
    asking: Option<(u64, Millis, bool)>,
    /// The number of its alarm.
    alarm: u64,
    stopped_until: Millis,
    /// It has resigned, and starts again then as another process.
    gone_until: Millis,
    /// When it led for the last time, and whether its deadline ended that.
    led_until: (Millis, bool),
}

struct World {
    chance: TestRng,
    now: Millis,
    /// By time and number.
    agenda: BTreeMap<Reverse<(Millis, u64)>, Happening>,
    count: u64,
    times: LeaseTimes,
    processes: Vec<Process>,
    lease: Option<Lease>,
    version: u64,
    /// The terms that began.
    terms: usize,
    deletes: bool,
}

impl World {
    fn new(seed: u64, processes: usize, deletes: bool) -> Self {
        let seed = [seed.to_le_bytes(), (!seed).to_le_bytes()].concat();
        let mut world = Self {
            chance: TestRng::from_seed(RngAlgorithm::XorShift, &seed),
            now: 0,
            agenda: BTreeMap::new(),
            count: 0,
            times: LeaseTimes::default(),
            processes: Vec::new(),
            lease: None,
            version: 100,
            terms: 0,
            deletes,
        };
        for index in 0..processes {
            let process = world.newcomer(index);
            world.processes.push(process);
            world.wake(index, 0);
        }
        for _ in 0..5 {
            let at = world.below(BAD_UNTIL);
            world.plan(at, Happening::Annotate);
        }
        if deletes {
            for _ in 0..5 {
                let at = 20_000 + world.below(BAD_UNTIL);
                world.plan(at, Happening::Delete);
            }
        }
        world
    }

    fn newcomer(&mut self, index: usize) -> Process {
        self.count += 1;
        let origin = Instant::now() + Duration::from_millis(self.below(10_000_000));
        let hours = i64::try_from(self.below(5)).expect("a small number") - 2;
        Process {
            state: LeaseState::new(&format!("{index}-{}", self.count), self.times),
            origin,
            wrong_by: SignedDuration::from_hours(hours),
            asking: None,
            alarm: 0,
            stopped_until: 0,
            gone_until: 0,
            led_until: (0, false),
        }
    }

    fn below(&mut self, end: u64) -> u64 {
        self.chance.next_u64() % end
    }

    /// Whether something happens that has this probability, in percent.
    fn happens(&mut self, percent: u64) -> bool {
        self.now < BAD_UNTIL && self.below(100) < percent
    }

    fn delay(&mut self) -> Millis {
        if self.happens(5) {
            self.below(LONGEST_DELAY)
        } else if self.happens(15) {
            self.below(4_000)
        } else {
            self.below(100)
        }
    }

    fn plan(&mut self, after: Millis, happening: Happening) {
        self.count += 1;
        let key = Reverse((self.now + after, self.count));
        self.agenda.insert(key, happening);
    }

    /// Sets the alarm of a process.
    fn wake(&mut self, process: usize, after: Millis) {
        self.count += 1;
        self.processes[process].alarm = self.count;
        self.plan(after, Happening::Wake(process, self.count));
    }

    fn clock(&self, process: usize) -> Instant {
        self.processes[process].origin + Duration::from_millis(self.now)
    }

    fn true_time(&self, process: usize, at: Instant) -> Millis {
        let since = at.saturating_duration_since(self.processes[process].origin);
        u64::try_from(since.as_millis()).expect("a short time")
    }

    fn run(&mut self) {
        while let Some((Reverse((at, _)), happening)) = self.agenda.pop_last() {
            if at > END {
                break;
            }
            self.now = at;
            self.handle(happening);
        }
    }

    fn handle(&mut self, happening: Happening) {
        match happening {
            Happening::Arrive(process, number, operation) => {
                let answer = self.serve(operation);
                let delay = self.delay();
                if !self.happens(5) {
                    self.plan(delay, Happening::Reply(process, number, answer));
                }
            }
            Happening::Annotate => self.store(self.lease.clone()),
            Happening::Delete => {
                // Who has seen no Lease does not know that there was one.
                let all_know = self.processes.iter().all(|it| it.state.lease().is_some());
                if self.lease.is_some() && all_know {
                    self.store(None);
                }
            }
            Happening::Wake(process, _)
            | Happening::Reply(process, ..)
            | Happening::Timeout(process, _)
            | Happening::Report(process, ..) => {
                if let Happening::Wake(_, alarm) = happening
                    && alarm != self.processes[process].alarm
                {
                    return;
                }
                let stopped = self.processes[process].stopped_until;
                if stopped > self.now {
                    self.plan(stopped - self.now, happening);
                } else if self.happens(1) {
                    // SIGSTOP.
                    let stop = self.below(40_000);
                    self.processes[process].stopped_until = self.now + stop;
                    self.plan(stop, happening);
                } else {
                    self.tell(process, happening);
                    self.act(process);
                }
            }
        }
    }

    fn serve(&mut self, operation: LeaseOperation) -> Answer {
        let (old, spec) = match operation {
            LeaseOperation::Get => return Answer::Lease(self.lease.clone()),
            LeaseOperation::Create(spec) if self.lease.is_none() => (nobody(), spec),
            LeaseOperation::Replace(version, spec) => match &self.lease {
                Some(lease) if lease.version == version => (lease.clone(), spec),
                _ => return Answer::Conflict,
            },
            LeaseOperation::Create(_) => return Answer::Conflict,
        };
        let replaced = Some(old.version.clone()).filter(|version| !version.is_empty());
        let object = old.replacement(&spec, &LeaseNotes::new());
        self.store(Some(Lease::decode(object).expect("a Lease")));
        Answer::Written(self.lease.clone().expect("stored"), replaced)
    }

    /// Stores a state in a new version, and reports it to everybody.
    fn store(&mut self, lease: Option<Lease>) {
        self.version += 1;
        self.lease = lease.map(|mut lease| {
            lease.version = self.version.to_string();
            lease
        });
        for process in 0..self.processes.len() {
            let delay = self.delay();
            if !self.happens(5) {
                let report = Happening::Report(process, self.lease.clone(), self.version);
                self.plan(delay, report);
            }
        }
    }

    /// A process learns something.
    fn tell(&mut self, process: usize, happening: Happening) {
        let at = self.clock(process);
        let retry = self.times.retry();
        match happening {
            Happening::Report(_, lease, version) => {
                let sighting = Sighting {
                    lease,
                    version: Some(version),
                    asked: None,
                    at,
                };
                self.processes[process].state.saw(sighting);
            }
            Happening::Reply(_, number, answer) => {
                let Some(sent) = self.asked(process, number) else {
                    return;
                };
                let sent = self.processes[process].origin + Duration::from_millis(sent);
                let state = &mut self.processes[process].state;
                match answer {
                    Answer::Lease(lease) => {
                        state.saw(Sighting::answer(lease, sent, at));
                    }
                    Answer::Written(lease, replaced) => {
                        state.wrote(lease, replaced.as_deref(), sent, at, retry);
                        self.check(process);
                    }
                    Answer::Conflict => state.conflicted(sent),
                }
            }
            Happening::Timeout(_, number) => {
                if let Some(sent) = self.asked(process, number) {
                    let process = &mut self.processes[process];
                    let sent = process.origin + Duration::from_millis(sent);
                    process.state.failed(sent, retry);
                }
            }
            _ => {}
        }
    }

    /// When a request was sent that this process still waits for.
    fn asked(&mut self, process: usize, number: u64) -> Option<Millis> {
        let process = &mut self.processes[process];
        let (asked, sent, resigns) = process.asking?;
        if asked != number {
            return None;
        }
        process.asking = None;
        // After it has resigned, it learns nothing more.
        (!resigns).then_some(sent)
    }

    /// A process believes that it leads. Nobody else may.
    fn check(&mut self, process: usize) {
        let Some(term) = self.processes[process].state.term().copied() else {
            return;
        };
        let until = self.true_time(process, term.until);
        if until <= self.now {
            return;
        }
        let is_new = self.processes[process].led_until.0 <= self.now;
        self.terms += usize::from(is_new);
        let margin = u64::try_from(self.times.request_timeout().as_millis()).expect("short");
        for (index, other) in self.processes.iter().enumerate() {
            let (led_until, by_deadline) = other.led_until;
            // A request that the old leader sent in its last moment has ended.
            let margin = if by_deadline { margin } else { 0 };
            assert!(
                index == process || led_until == 0 || led_until + margin <= self.now,
                "{process} leads at {}, and {index} does until {led_until}",
                self.now
            );
        }
        self.processes[process].led_until = (until, true);
    }

    /// A process does what `evaluate` says.
    fn act(&mut self, process: usize) {
        if self.processes[process].asking.is_some() || self.processes[process].gone_until > self.now
        {
            return;
        }
        if self.processes[process].gone_until > 0 {
            let led_until = self.processes[process].led_until;
            self.processes[process] = Process {
                led_until,
                alarm: self.processes[process].alarm,
                ..self.newcomer(process)
            };
        }
        let leads = self.processes[process].led_until.0 > self.now;
        // Newcomers would not have seen a Lease that is deleted.
        if !self.deletes && self.happens(if leads { 1 } else { 0 }) {
            return self.leave(process);
        }
        let now = self.clock(process);
        let wrong_by = self.processes[process].wrong_by;
        let seconds = i64::try_from(self.now).expect("a short time");
        let time = Timestamp::from_millisecond(seconds + 1_700_000_000_000).expect("a time");
        let claim = self.processes[process].state.claim(time + wrong_by);
        match evaluate(&self.processes[process].state, now) {
            LeaseAction::Read => self.ask(process, LeaseOperation::Get, false),
            LeaseAction::Create => self.ask(process, LeaseOperation::Create(claim), false),
            LeaseAction::Acquire(version) | LeaseAction::Renew(version) => {
                self.ask(process, LeaseOperation::Replace(version, claim), false);
            }
            LeaseAction::Wait(until) => {
                let until = self.true_time(process, until);
                self.wake(process, until.saturating_sub(self.now));
            }
            LeaseAction::StepDown(_) => {
                let process_state = &mut self.processes[process];
                process_state.state.step_down();
                if process_state.led_until.0 > self.now {
                    process_state.led_until = (self.now, false);
                }
                self.act(process);
            }
        }
    }

    /// A process crashes or resigns, and starts again later.
    fn leave(&mut self, process: usize) {
        let back = 1 + self.below(30_000);
        self.processes[process].gone_until = self.now + back;
        self.wake(process, back);
        if self.happens(50) {
            // What was asked before the crash may still arrive.
            return;
        }
        self.processes[process].led_until = (self.now, false);
        let state = &self.processes[process].state;
        let time = Timestamp::from_second(1_700_000_000).expect("a time");
        if let (Some(spec), Some(lease)) = (state.resignation(time), state.lease()) {
            let version = lease.version.clone();
            self.ask(process, LeaseOperation::Replace(version, spec), true);
        }
    }

    fn ask(&mut self, process: usize, operation: LeaseOperation, resigns: bool) {
        self.count += 1;
        let number = self.count;
        self.processes[process].asking = Some((number, self.now, resigns));
        let delay = self.delay();
        if !self.happens(5) {
            self.plan(delay, Happening::Arrive(process, number, operation));
        }
        let limit = u64::try_from(self.times.request_timeout().as_millis()).expect("short");
        self.plan(limit, Happening::Timeout(process, number));
    }

    fn leaders(&self) -> usize {
        let processes = self.processes.iter();
        processes.filter(|it| it.led_until.0 > self.now).count()
    }
}

fn nobody() -> Lease {
    Lease::decode(json!({"metadata": {}})).expect("a Lease")
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn two_never_lead_at_the_same_time_and_one_does_in_the_end(
        seed in any::<u64>(),
        processes in 2..=5_usize,
        deletes in any::<bool>(),
    ) {
        let mut world = World::new(seed, processes, deletes);
        world.run();
        prop_assert_eq!(world.leaders(), 1);
    }
}

#[test]
fn simulated_leaders_change_often() {
    let mut terms = 0;
    for seed in 0..20 {
        let mut world = World::new(seed, 3, false);
        world.run();
        terms += world.terms;
    }
    assert!(terms >= 100, "{terms}");
}
