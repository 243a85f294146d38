//! Moves the clock of a process: loaded by `LD_PRELOAD`, it answers in libc's place what time it is.
//!
//! The file that `SELVEDGE_CLOCK_AHEAD` names has eight bytes, a number of seconds in the machine's
//! order. It is mapped, so that a change of it is seen at the next look at a clock, by every thread
//! of every process at once. The real-time and the monotonic clock move together: a timer that is
//! due by the new time fires, as soon as something wakes the process's loop.
//!
//! For workerd, whose stores, alarms and timers all read these clocks, and which no flag moves. The
//! suite loads it into nothing else. Elsewhere than on Linux it is empty.
#![cfg(all(target_os = "linux", target_pointer_width = "64"))]

use libc::{c_int, c_long, c_void, clockid_t, itimerspec, timespec, timeval};
use std::ffi::CStr;
use std::sync::atomic::{AtomicI64, AtomicPtr, Ordering};

/// The environment variable that names the file.
const FILE: &CStr = c"SELVEDGE_CLOCK_AHEAD";

/// The mapped number of seconds; null where there is no file.
static AHEAD: AtomicPtr<AtomicI64> = AtomicPtr::new(std::ptr::null_mut());

/// Maps the file. The loader calls it before the program begins, while there is one thread.
extern "C" fn map_file() {
    // SAFETY: `getenv` gets a string that ends in zero, and no other thread changes the environment.
    // `open` gets what `getenv` returned, a string as well. `mmap` gets a descriptor that is open,
    // and picks the place itself; a file under eight bytes would fault when read, and the suite
    // writes eight before it starts a process. The mapping is never taken away.
    unsafe {
        let path = libc::getenv(FILE.as_ptr());
        if path.is_null() {
            return;
        }
        let file = libc::open(path, libc::O_RDONLY | libc::O_CLOEXEC);
        if file < 0 {
            return;
        }
        let place = std::ptr::null_mut();
        let mapped =
            libc::mmap(place, size_of::<i64>(), libc::PROT_READ, libc::MAP_SHARED, file, 0);
        libc::close(file);
        if mapped != libc::MAP_FAILED {
            AHEAD.store(mapped.cast(), Ordering::Release);
        }
    }
}

/// Makes the loader call [`map_file`].
#[used]
// SAFETY: the section is a list of such functions, by the loader's convention.
#[unsafe(link_section = ".init_array")]
static AT_START: extern "C" fn() = map_file;

/// Seconds that the clocks are ahead.
fn ahead() -> i64 {
    let place = AHEAD.load(Ordering::Acquire);
    // SAFETY: it is null, or eight readable bytes at the start of a page, which are never unmapped
    // and which any bits are valid for.
    unsafe { place.as_ref() }.map_or(0, |seconds| seconds.load(Ordering::Relaxed))
}

/// `clock_gettime` of libc.
///
/// # Safety
/// As libc has it: `time` can be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn clock_gettime(clock: clockid_t, time: *mut timespec) -> c_int {
    // SAFETY: the arguments are the caller's, for the very call that it meant to make.
    let result = unsafe { libc::syscall(libc::SYS_clock_gettime, clock as c_long, time) };
    let moves = matches!(
        clock,
        libc::CLOCK_REALTIME
            | libc::CLOCK_REALTIME_COARSE
            | libc::CLOCK_MONOTONIC
            | libc::CLOCK_MONOTONIC_COARSE
            | libc::CLOCK_BOOTTIME
    );
    if result == 0 && moves {
        // SAFETY: the system has just written it.
        unsafe { (*time).tv_sec += ahead() };
    }
    result as c_int
}

/// `gettimeofday` of libc.
///
/// # Safety
/// As libc has it: `time` can be written, or is null. The zone has long been without a meaning.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gettimeofday(time: *mut timeval, _zone: *mut c_void) -> c_int {
    let mut now = timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `now` can be written.
    let result = unsafe { clock_gettime(libc::CLOCK_REALTIME, &raw mut now) };
    if result == 0 && !time.is_null() {
        // SAFETY: the caller says that it can be written.
        unsafe { *time = timeval { tv_sec: now.tv_sec, tv_usec: now.tv_nsec / 1000 } };
    }
    result
}

/// `timerfd_settime` of libc: a moment of the moved clock is an earlier one of the system's.
///
/// # Safety
/// As libc has it: `new` can be read; `old` can be written, or is null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn timerfd_settime(
    file: c_int,
    flags: c_int,
    new: *const itimerspec,
    old: *mut itimerspec,
) -> c_int {
    // SAFETY: the caller says that it can be read.
    let mut moment = unsafe { *new };
    let is_set = moment.it_value.tv_sec != 0 || moment.it_value.tv_nsec != 0;
    if flags & libc::TFD_TIMER_ABSTIME != 0 && is_set {
        moment.it_value.tv_sec -= ahead();
        if moment.it_value.tv_sec <= 0 {
            // At once; nought would unset the timer.
            moment.it_value = timespec { tv_sec: 0, tv_nsec: 1 };
        }
    }
    // SAFETY: `moment` is a copy of what the caller gave, and `old` is the caller's.
    let result = unsafe {
        libc::syscall(
            libc::SYS_timerfd_settime,
            c_long::from(file),
            c_long::from(flags),
            &raw const moment,
            old,
        )
    };
    result as c_int
}
