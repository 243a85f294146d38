//! Finding a route allocates nothing: it happens once a request.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use selvedge_contract::route::{Pattern, Table};

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: every call is passed on to the system's allocator as it came; counting touches only a
// `Cell` that needs neither an allocation nor a destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the pointer comes from `alloc` above, so from the system's allocator.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations<T>(run: impl FnOnce() -> T) -> (usize, T) {
    let before = ALLOCATIONS.get();
    let value = run();
    (ALLOCATIONS.get() - before, value)
}

#[test]
fn finding_a_route_allocates_nothing() {
    let mut table = Table::new();
    for text in ["/", "/a/{x}/c", "/a/b/*", "*.a.test/v1/{x}", "b.a.test/v1/*", "[::1]/x"] {
        table.insert(Pattern::parse(text).unwrap(), text).unwrap();
    }
    let long = "x.".repeat(1000);
    for (host, path, expected) in [
        (None, "/", Some("/")),
        (Some("any.test"), "/a/b/c", Some("/a/b/*")),
        (Some("any.test"), "/a/z/c", Some("/a/{x}/c")),
        (Some("C.A.Test:8080"), "/v1/7", Some("*.a.test/v1/{x}")),
        (Some("B.A.Test."), "/v1/7", Some("b.a.test/v1/*")),
        (Some("[0:0::1]:80"), "/x", Some("[::1]/x")),
        (Some(long.as_str()), "/nowhere", None),
    ] {
        let (count, found) = allocations(|| table.find(host, path).copied());
        assert_eq!(found, expected, "{host:?} {path}");
        assert_eq!(count, 0, "{host:?} {path}");
    }
    // The counter counts.
    assert_eq!(allocations(|| std::hint::black_box(Box::new(1))).0, 1);
}
