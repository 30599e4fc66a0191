//! Signals. Ctrl-C, SIGTERM and a terminal that goes away ask the process to stop, whatever it does; a
//! second Ctrl-C or SIGTERM ends it at once. And a limit on the size of files.
//!
//! A thread waits for the first of them. It gives training the time for a checkpoint and what is being
//! written the time to be finished ([`interrupt`]), says where the command stopped, and ends the process:
//! no phase of any command has to ask, and none can delay it.

use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::iterator::Signals;
use signal_hook::{flag, low_level};

use super::terminal;
use base::interrupt;

/// The exit code of a command that was asked to stop.
pub const INTERRUPTED: u8 = 130;
/// What a checkpoint and files under way may take.
const PATIENCE: Duration = Duration::from_millis(600);
/// What a command that has written its checkpoint may take to end by itself: it has more to say.
const LAST_WORDS: Duration = Duration::from_millis(100);
/// What a message may take, if nobody reads it.
const MESSAGE: Duration = Duration::from_millis(100);

/// Whether somebody has asked this process to stop.
#[derive(Clone, Debug)]
pub struct StopRequest(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    made: Arc<AtomicBool>,
    /// Whether it is settled who ends the process: the command itself, or the thread that waits for signals.
    ending: AtomicBool,
    /// What to say if the command is stopped now: where it is, and what the next start does.
    place: Mutex<String>,
}

impl StopRequest {
    /// Listens from now on.
    ///
    /// # Errors
    /// If the system does not let this process listen.
    pub fn listen() -> io::Result<Self> {
        let made = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            // Registered first, so it sees the flag only from the second signal on.
            flag::register_conditional_shutdown(signal, INTERRUPTED.into(), Arc::clone(&made))?;
        }
        let mut heeded = vec![SIGINT, SIGTERM];
        // Of a terminal that goes away both the system and the shell may send one: a second one is no
        // hurry. Under nohup it is to be ignored, and stays so.
        if is_ignored(SIGHUP) == Some(false) {
            heeded.push(SIGHUP);
        }
        for signal in &heeded {
            flag::register(*signal, Arc::clone(&made))?;
        }
        let mut signals = Signals::new(heeded)?;
        let request = Self(Arc::new(Shared {
            made,
            ending: AtomicBool::new(false),
            place: Mutex::new(
                "stopped: no file is half written; the same command starts over".into(),
            ),
        }));
        let heard = request.clone();
        thread::Builder::new()
            .name("signals".into())
            .spawn(move || {
                if signals.forever().next().is_some() {
                    heard.end_process();
                }
            })?;
        Ok(request)
    }

    /// Whether a signal has come.
    pub fn is_made(&self) -> bool {
        self.0.made.load(Ordering::Relaxed)
    }

    /// From now on a command that is stopped says this: where that was, and what the next start does.
    pub fn say(&self, place: impl Into<String>) {
        // A text is whole at any moment: a panic while it was locked changes nothing.
        let mut current = self.0.place.lock().unwrap_or_else(PoisonError::into_inner);
        *current = place.into();
    }

    /// The command is over and the process ends by itself, unless a signal is ending it at this moment:
    /// then this does not return.
    pub fn end_by_itself(&self) {
        if self.0.ending.swap(true, Ordering::SeqCst) {
            loop {
                thread::park();
            }
        }
    }

    /// What the first signal does.
    fn end_process(&self) {
        let deadline = Instant::now() + PATIENCE;
        if interrupt::PROCESS.wait(deadline) {
            thread::sleep(LAST_WORDS);
        }
        let unfinished = interrupt::PROCESS.close(deadline);
        if self.0.ending.swap(true, Ordering::SeqCst) {
            // It is over, unless nobody reads what it says.
            thread::sleep(MESSAGE);
            low_level::exit(INTERRUPTED.into());
        }
        for file in unfinished {
            let _ = std::fs::remove_file(file); // finished meanwhile, or left to the next start
        }
        let place = self.0.place.lock().unwrap_or_else(PoisonError::into_inner);
        tell(place.clone());
        low_level::exit(INTERRUPTED.into());
    }
}

/// What a command says that is stopped at one of the runs that it analyses.
pub fn stopped_at(run: usize, runs: usize, path: &Path) -> String {
    format!(
        "stopped at run {run} of {runs}, {}: every table is whole, old or new; the same command starts over",
        path.display()
    )
}

/// Says why the process ends, unless stderr takes nothing.
fn tell(text: String) {
    let (said, wait) = mpsc::channel();
    thread::spawn(move || {
        // A progress bar or the terminal's ^C may stand in the line.
        if io::stderr().is_terminal() {
            let _ = writeln!(io::stderr());
        }
        terminal::message(&text);
        let _ = said.send(());
    });
    let _ = wait.recv_timeout(MESSAGE);
}

/// From now on a write beyond the limit on the size of files (`ulimit -f`) is an error like any other,
/// with a message, where it would have killed this process without one.
///
/// # Errors
/// If the system does not let this process listen.
pub fn survive_size_limits() -> io::Result<()> {
    flag::register(SIGXFSZ, Arc::default()).map(drop)
}

/// Whether whoever started this process had it ignore a signal; none where the system does not tell.
fn is_ignored(signal: i32) -> Option<bool> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let mask = status.lines().find_map(|l| l.strip_prefix("SigIgn:"))?;
    let mask = u64::from_str_radix(mask.trim(), 16).ok()?;
    Some(mask >> (signal - 1) & 1 == 1)
}
