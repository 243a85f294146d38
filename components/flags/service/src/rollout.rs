//! Whether a flag that is on for some users is on for this one.
//!
//! Flag and user together give a place from 0 to 99, always the same, and the flag is on where the place
//! is below the percentage. So nothing has to be stored for a user; raising the percentage turns nobody
//! off; and since the flag is part of it, it is not the same users who try every feature first.

/// FNV-1a with 64 bits: <http://www.isthe.com/chongo/tech/comp/fnv/>, read 2026-11-21.
const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0000_0100_0000_01b3;

pub(crate) fn is_on(flag: &str, user: &str, percent: u8) -> bool {
    place(flag, user) < u64::from(percent)
}

/// A place from 0 to 99. It must never change: users would find features gone.
fn place(flag: &str, user: &str) -> u64 {
    // A byte that is in no text parts the two: ("ab", "c") is not ("a", "bc").
    let bytes = flag.bytes().chain([0xff]).chain(user.bytes());
    let hash =
        bytes.fold(FNV_OFFSET, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(FNV_PRIME));
    // The upper half, as a fraction of all that there are, is scaled to 100.
    ((mixed(hash) >> 32) * 100) >> 32
}

/// Spreads each bit over all of them, which FNV does not do for the last bytes. It is the last step of
/// MurmurHash3: <https://github.com/aappleby/smhasher/blob/master/src/MurmurHash3.cpp>, `fmix64`.
fn mixed(mut hash: u64) -> u64 {
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}

#[cfg(test)]
mod tests {
    use super::{is_on, place};

    const USERS: usize = 20_000;

    fn users() -> impl Iterator<Item = String> {
        (0..USERS).map(|number| format!("user-{number}"))
    }

    #[test]
    fn as_many_users_have_it_as_the_percentage_says() {
        for flag in ["a", "dark-mode", "new-checkout-2"] {
            for percent in [0, 1, 10, 25, 50, 99, 100] {
                let on = users().filter(|user| is_on(flag, user, percent)).count();
                let expected = USERS * usize::from(percent) / 100;
                // Four standard deviations of a fair draw, at most.
                assert!(on.abs_diff(expected) <= 283, "{flag} at {percent}: {on}");
            }
            assert_eq!(users().filter(|user| is_on(flag, user, 0)).count(), 0);
            assert_eq!(users().filter(|user| is_on(flag, user, 100)).count(), USERS);
        }
    }

    #[test]
    fn raising_the_percentage_turns_nobody_off() {
        for user in users().take(500) {
            let on: Vec<bool> = (0..=100).map(|percent| is_on("flag", &user, percent)).collect();
            assert!(on.is_sorted(), "{user}");
        }
    }

    #[test]
    fn flags_choose_their_users_apart_from_each_other() {
        let both = users().filter(|user| is_on("a", user, 50) && is_on("b", user, 50)).count();
        assert!(both.abs_diff(USERS / 4) <= 245, "{both}");
    }

    #[test]
    fn places_stay_as_they_are() {
        let places =
            [("dark-mode", "ada"), ("dark-mode", "grace"), ("", ""), ("ab", "c"), ("a", "bc")]
                .map(|(flag, user)| place(flag, user));
        assert_eq!(places, [15, 56, 10, 48, 18]);
    }
}
