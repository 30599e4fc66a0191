//! What a request to stop waits for.
//!
//! Nothing that this program computes is lost for good if the process ends in the middle of it: files
//! are replaced whole ([`crate::files`]), and the next start computes again what is missing. So whoever
//! receives the request ends the process from a thread of its own, in whatever phase it is, and no loop
//! has to ask. Two things are worth a moment's wait, and [`hold`] says that they are under way: files that
//! are being written, and training, which answers the request with a checkpoint.
//!
//! Who ends the process calls [`Holds::close`] in the end: from then on nobody can begin to write. What is
//! still being written at its deadline is undone by deleting the temporary files that it returns.

use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// The holds of this process.
pub static PROCESS: Holds = Holds::new();

/// Asks whoever would end this process to wait a moment: until the hold is dropped.
///
/// If the process is about to end, this never returns.
pub fn hold() -> Hold<'static> {
    PROCESS.hold()
}

/// What is worth waiting for.
#[derive(Debug)]
pub struct Holds {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    held: usize,
    closed: bool,
    /// Files that stand beside those that they will replace.
    temporary: Vec<PathBuf>,
}

/// One of them; over when it is dropped.
#[derive(Debug)]
#[must_use = "it is over when it is dropped"]
pub struct Hold<'a> {
    holds: &'a Holds,
    temporary: Option<PathBuf>,
}

impl Holds {
    /// Nothing is held.
    pub const fn new() -> Self {
        Self {
            state: Mutex::new(State {
                held: 0,
                closed: false,
                temporary: Vec::new(),
            }),
            changed: Condvar::new(),
        }
    }

    /// See [`hold`].
    pub fn hold(&self) -> Hold<'_> {
        let mut state = self.lock();
        while state.closed {
            state = self
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        state.held += 1;
        Hold {
            holds: self,
            temporary: None,
        }
    }

    /// Waits until nothing is held, at most until `deadline`; returns whether there was anything to wait
    /// for.
    pub fn wait(&self, deadline: Instant) -> bool {
        let state = self.lock();
        let held = state.held > 0;
        drop(self.until_free(state, deadline));
        held
    }

    /// Waits in the same way, and lets nobody hold from then on; returns the temporary files of what is
    /// still held.
    pub fn close(&self, deadline: Instant) -> Vec<PathBuf> {
        let mut state = self.until_free(self.lock(), deadline);
        state.closed = true;
        state.temporary.clone()
    }

    fn until_free<'a>(
        &'a self,
        mut state: MutexGuard<'a, State>,
        deadline: Instant,
    ) -> MutexGuard<'a, State> {
        while state.held > 0 {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            let waited = self.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        state
    }

    /// The counts are right at any moment: a panic while they were locked changes nothing.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Holds {
    fn default() -> Self {
        Self::new()
    }
}

impl Hold<'_> {
    /// Says that a temporary file is to become another one: it is not to stay if the process cannot wait.
    pub fn keep_track_of(&mut self, temporary: &Path) {
        self.holds.lock().temporary.push(temporary.to_owned());
        self.temporary = Some(temporary.to_owned());
    }
}

impl Drop for Hold<'_> {
    fn drop(&mut self) {
        let mut state = self.holds.lock();
        state.held -= 1;
        if let Some(path) = &self.temporary {
            state.temporary.retain(|other| other != path);
        }
        self.holds.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::Duration;

    use super::*;

    fn soon() -> Instant {
        Instant::now() + Duration::from_millis(50)
    }

    #[test]
    fn closing_waits_for_what_is_held_and_returns_when_it_is_over() {
        let holds = Holds::new();
        let over = AtomicBool::new(false);
        let hold = holds.hold();
        std::thread::scope(|scope| {
            let closer = scope.spawn(|| {
                let left = holds.close(Instant::now() + Duration::from_secs(60));
                (left, over.load(Ordering::SeqCst))
            });
            std::thread::sleep(Duration::from_millis(30));
            over.store(true, Ordering::SeqCst);
            drop(hold);
            assert_eq!(closer.join().unwrap(), (Vec::new(), true));
        });
        assert!(!holds.wait(soon()), "nothing is held any more");
    }

    #[test]
    fn closing_gives_up_at_the_deadline_and_names_the_unfinished_files_alone() {
        let holds = Holds::new();
        let mut finished = holds.hold();
        finished.keep_track_of(Path::new("finished"));
        let mut unfinished = holds.hold();
        unfinished.keep_track_of(Path::new("unfinished"));
        drop(finished);
        let began = Instant::now();
        assert!(holds.wait(soon()));
        assert_eq!(holds.close(soon()), [PathBuf::from("unfinished")]);
        assert!(began.elapsed() >= Duration::from_millis(99));
    }

    #[test]
    fn a_hold_after_closing_is_never_given() {
        static HOLDS: Holds = Holds::new();
        assert!(HOLDS.close(soon()).is_empty());
        let (given, seen) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let hold = HOLDS.hold();
            let _ = given.send(());
            drop(hold);
        });
        assert!(seen.recv_timeout(Duration::from_millis(100)).is_err());
    }
}
