//! Signals: Ctrl-C and SIGTERM, of which the first asks the run to checkpoint and stop and the second
//! stops at once; a terminal that goes away, which asks for the same; a limit on the size of files.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::flag;

/// Whether somebody has asked this process to stop.
#[derive(Clone, Debug)]
pub struct StopRequest(Arc<AtomicBool>);

impl StopRequest {
    /// Listens from now on.
    ///
    /// # Errors
    /// If the system does not let this process listen.
    pub fn listen() -> io::Result<Self> {
        let asked = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            // Registered first, so it sees the flag only from the second signal on.
            flag::register_conditional_shutdown(signal, 130, Arc::clone(&asked))?;
            flag::register(signal, Arc::clone(&asked))?;
        }
        // Of a terminal that goes away both the system and the shell may send one: a second one is no
        // hurry. Under nohup it is to be ignored, and stays so.
        if is_ignored(SIGHUP) == Some(false) {
            flag::register(SIGHUP, Arc::clone(&asked))?;
        }
        Ok(Self(asked))
    }

    /// Whether a signal has come.
    pub fn is_made(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
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
