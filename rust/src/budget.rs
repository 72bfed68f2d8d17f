//! A limit on the memory that one piece of work takes, for code of others that has none: a template can double a text
//! at each step, and a failed allocation ends the process, because stable Rust cannot turn it into a panic.
//!
//! The work runs on a thread of its own whose allocations are counted. When it wants more than its budget, that thread
//! goes to sleep inside the allocator for ever, and the caller has an error. What the thread holds stays allocated, so
//! what all of them hold is limited too.
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::panic::{catch_unwind, resume_unwind, AssertUnwindSafe};
use std::ptr::null;
use std::sync::atomic::{AtomicIsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// Four times the largest output of a template.
const BUDGET_BYTES: isize = 256 << 20;
/// Showing a list of a list takes some 350 bytes a level, and a million steps make 800 thousand levels. Only pages that
/// are touched cost anything.
const STACK_BYTES: usize = 512 << 20;
const MOST_HELD_BYTES: isize = 1 << 30;
/// A thread's own share of that, for what it has touched of its stack.
const THREAD_BYTES: isize = 1 << 20;

/// By the threads asleep.
static HELD_BYTES: AtomicIsize = AtomicIsize::new(0);

#[derive(Clone, Copy, PartialEq)]
enum State {
    Working,
    Done,
    OverBudget,
}

struct Watch {
    state: Mutex<State>,
    changed: Condvar,
}

impl Watch {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, state: State) {
        *self.lock() = state;
        self.changed.notify_one();
    }

    fn wait(&self) -> State {
        let working = |state: &mut State| *state == State::Working;
        *self.changed.wait_while(self.lock(), working).unwrap_or_else(PoisonError::into_inner)
    }
}

thread_local! {
    // Constant and without destructors: reading them allocates nothing.
    static WATCH: Cell<*const Watch> = const { Cell::new(null()) };
    static USED: Cell<isize> = const { Cell::new(0) };
}

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Never returns when the thread's budget does not allow `bytes` more.
fn count(bytes: isize) {
    let watch = WATCH.get();
    if watch.is_null() {
        return;
    }
    let used = USED.get().saturating_add(bytes);
    USED.set(used);
    if bytes > 0 && used > BUDGET_BYTES {
        HELD_BYTES.fetch_add((used - bytes).max(0) + THREAD_BYTES, Ordering::Relaxed);
        // SAFETY: the thread that set the pointer owns what it points to and stays in this function.
        unsafe { (*watch).set(State::OverBudget) };
        loop {
            std::thread::park();
        }
    }
}

// SAFETY: everything is passed on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        System.alloc(layout)
    }
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        System.alloc_zeroed(layout)
    }
    unsafe fn realloc(&self, data: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size as isize - layout.size() as isize);
        System.realloc(data, layout, size)
    }
    unsafe fn dealloc(&self, data: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        System.dealloc(data, layout)
    }
}

/// Runs `work`; a panic of it goes on here. Err when it needs more memory than its budget.
pub fn within_budget<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, String> + Send + 'static,
) -> Result<T, String> {
    if HELD_BYTES.load(Ordering::Relaxed) > MOST_HELD_BYTES {
        return Err("too many before it took too much memory".to_owned());
    }
    let watch = Arc::new(Watch { state: Mutex::new(State::Working), changed: Condvar::new() });
    let theirs = watch.clone();
    let body = move || {
        WATCH.set(Arc::as_ptr(&theirs));
        let result = catch_unwind(AssertUnwindSafe(work));
        WATCH.set(null());
        theirs.set(State::Done);
        result
    };
    let thread = std::thread::Builder::new()
        .stack_size(STACK_BYTES)
        .spawn(body)
        .map_err(|error| format!("no thread for it: {error}"))?;
    if watch.wait() == State::OverBudget {
        return Err(format!("it takes more than {} MiB of memory", BUDGET_BYTES >> 20));
    }
    thread.join().unwrap_or_else(Err).unwrap_or_else(|panic| resume_unwind(panic))
}
