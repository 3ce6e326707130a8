//! Threads that do many pieces of work, one of which may never end.
//!
//! Work that is a matter of steps is bounded by steps, so that a result depends on its input alone. The clock is the
//! last resort, for what nobody foresaw: a piece that takes far longer than any piece needs is given up, its thread is
//! left to it, and the others are done.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::{Error, Progress};
use crate::limits::STACK_SIZE;

/// How often the clock is looked at, and progress told.
const TICK: Duration = Duration::from_millis(50);

/// What became of a piece of work.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Outcome<T> {
    /// It was done.
    Done(T),
    /// It panicked.
    Failed,
    /// It took too long.
    GivenUp,
}

/// A pool of threads with large stacks.
pub(super) struct Workers {
    pool: rayon::ThreadPool,
    threads: usize,
}

impl Workers {
    /// So many threads; with 0, one for each core.
    pub(super) fn new(threads: usize) -> Result<Self, Error> {
        let pool = pool(threads)?;
        let threads = pool.current_num_threads();
        Ok(Self { pool, threads })
    }

    /// Runs something on the pool.
    pub(super) fn install<R: Send>(&self, run: impl FnOnce() -> R + Send) -> R {
        self.pool.install(run)
    }

    /// Does the pieces with these numbers, the first ones first. `patience` says how long one may take.
    pub(super) fn each<T: Send + 'static>(
        &mut self,
        order: Vec<usize>,
        patience: impl Fn(usize) -> Duration,
        work: impl Fn(usize) -> T + Send + Sync + 'static,
        progress: Progress<'_>,
    ) -> Vec<(usize, Outcome<T>)> {
        let all = order.len();
        let queue = Arc::new(Queue {
            order,
            next: AtomicUsize::new(0),
            done: AtomicUsize::new(0),
            work,
        });
        let (end, ends) = mpsc::channel();
        let mut desks = Vec::new();
        for _ in 0..self.threads.min(all) {
            let desk = Arc::new(Mutex::new(Desk::default()));
            let (queue, end) = (queue.clone(), end.clone());
            desks.push(desk.clone());
            self.pool.spawn(move || queue.work_off(&desk, &end));
        }
        let mut outcomes = Vec::with_capacity(all);
        let mut busy = desks.len();
        let mut is_short = false;
        while busy > 0 {
            match ends.recv_timeout(TICK) {
                Ok(()) => busy -= 1,
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {
                    progress(queue.done.load(Ordering::Relaxed), all);
                    for at in 0..desks.len() {
                        let Some(given_up) = locked(&desks[at]).give_up(&patience) else {
                            continue;
                        };
                        outcomes.push((given_up, Outcome::GivenUp));
                        is_short = true;
                        let desk = Arc::new(Mutex::new(Desk::default()));
                        let (queue, end) = (queue.clone(), end.clone());
                        desks.push(desk.clone());
                        let other = std::thread::Builder::new().stack_size(STACK_SIZE);
                        if other.spawn(move || queue.work_off(&desk, &end)).is_err() {
                            busy -= 1;
                        }
                    }
                }
            }
        }
        progress(all, all);
        for desk in &desks {
            outcomes.append(&mut locked(desk).done);
        }
        // Left when no thread was to be had for them.
        let next = queue.next.load(Ordering::Relaxed).min(all);
        let left = queue.order[next..].iter();
        outcomes.extend(left.map(|&it| (it, Outcome::GivenUp)));
        if is_short && let Ok(pool) = pool(self.threads) {
            self.pool = pool;
        }
        outcomes
    }
}

fn pool(threads: usize) -> Result<rayon::ThreadPool, Error> {
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .stack_size(STACK_SIZE)
        .build()
        .map_err(|it| Error::Threads(it.to_string()))
}

struct Queue<W> {
    order: Vec<usize>,
    next: AtomicUsize,
    done: AtomicUsize,
    work: W,
}

/// What one thread works at, and has done.
struct Desk<T> {
    at: Option<(usize, Instant)>,
    done: Vec<(usize, Outcome<T>)>,
    is_given_up: bool,
}

impl<T> Default for Desk<T> {
    fn default() -> Self {
        Self {
            at: None,
            done: Vec::new(),
            is_given_up: false,
        }
    }
}

impl<T> Desk<T> {
    /// The piece that takes too long, which is then no longer waited for.
    fn give_up(&mut self, patience: impl Fn(usize) -> Duration) -> Option<usize> {
        let (piece, since) = self.at.filter(|_| !self.is_given_up)?;
        self.is_given_up = since.elapsed() > patience(piece);
        self.is_given_up.then_some(piece)
    }
}

impl<W> Queue<W> {
    fn work_off<T>(&self, desk: &Mutex<Desk<T>>, end: &Sender<()>)
    where
        W: Fn(usize) -> T,
    {
        while let Some(&piece) = self.order.get(self.next.fetch_add(1, Ordering::Relaxed)) {
            locked(desk).at = Some((piece, Instant::now()));
            let outcome = catch_unwind(AssertUnwindSafe(|| (self.work)(piece)))
                .map_or(Outcome::Failed, Outcome::Done);
            let mut desk = locked(desk);
            if desk.is_given_up {
                return;
            }
            desk.at = None;
            desk.done.push((piece, outcome));
            self.done.fetch_add(1, Ordering::Relaxed);
        }
        // Nobody waits any more when this fails.
        let _ = end.send(());
    }
}

fn locked<T>(it: &Mutex<T>) -> MutexGuard<'_, T> {
    it.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What becomes of ten pieces, some of which panic or never end.
    fn ten(threads: usize, work: fn(usize) -> usize) -> Vec<(usize, Outcome<usize>)> {
        let mut workers = Workers::new(threads).expect("threads");
        let patience = |_| Duration::from_millis(300);
        let mut outcomes = workers.each((0..10).rev().collect(), patience, work, &|_, _| ());
        outcomes.sort_by_key(|it| it.0);
        // The pool is still whole.
        assert_eq!(workers.install(rayon::current_num_threads), threads);
        outcomes
    }

    fn endless() -> usize {
        loop {
            std::thread::sleep(TICK);
        }
    }

    #[test]
    fn all_is_done() {
        for threads in [1, 3, 20] {
            let expected: Vec<_> = (0..10).map(|it| (it, Outcome::Done(it * it))).collect();
            assert_eq!(ten(threads, |it| it * it), expected);
        }
    }

    #[test]
    fn what_panics_or_never_ends_leaves_the_others() {
        let work = |it| match it {
            2 => panic!("as it should"),
            3 | 7 | 8 => endless(),
            _ => it,
        };
        for threads in [1, 2, 5] {
            let expected = (0..10).map(|it| match it {
                2 => (it, Outcome::Failed),
                3 | 7 | 8 => (it, Outcome::GivenUp),
                _ => (it, Outcome::Done(it)),
            });
            assert_eq!(ten(threads, work), expected.collect::<Vec<_>>());
        }
    }

    #[test]
    fn nothing_is_done_at_once() {
        let mut workers = Workers::new(2).expect("threads");
        let outcomes = workers.each(vec![], |_| TICK, |it| it, &|_, _| ());
        assert_eq!(outcomes, []);
    }
}
