//! Values there and back, by functions that are asynchronous and functions that are not.

use crate::bindings::test::crossing::values::{self as far, Few, Mixed};
use crate::samples::{self, LETTERS, NUMBERS, PRECISE, REALS};
use crate::{Checked, same};

/// As long as 1 MiB.
const LONG: usize = 1 << 20;

pub async fn scalars() -> Checked {
    for value in NUMBERS {
        same("u64", &value, &far::echo_u64(value))?;
    }
    for value in REALS {
        same("f32", &value, &far::echo_f32(value))?;
    }
    for value in LETTERS {
        same("char", &value, &far::echo_char(value))?;
    }
    for value in PRECISE {
        same("f64", &value, &far::echo_f64(value).await)?;
    }
    for value in [i8::MIN, -1, 0, i8::MAX] {
        same("s8", &value, &far::echo_s8(value).await)?;
    }
    Ok(())
}

pub fn flat() -> Checked {
    let (a, b, c, d, e, f) = (true, i8::MIN, u8::MAX, i16::MIN, u16::MAX, i32::MIN);
    let (g, h, i, j, k, l) = (u32::MAX, i64::MIN, u64::MAX, f32::NAN, f64::MAX, '\u{10ffff}');
    let back = far::echo_flat(a, b, c, d, e, f, g, h, i, j, k, l, "\0é🦀");
    same("the first", &(a, b, c, d, e, f), &(back.0, back.1, back.2, back.3, back.4, back.5))?;
    let last = (back.6, back.7, back.8, back.9, back.10, back.11, back.12);
    same("the last", &(g, h, i, j, k, l, "\0é🦀".to_owned()), &last)
}

pub async fn wide() -> Checked {
    for value in samples::wide() {
        same("wide", &value, &far::echo_wide(value))?;
        same("wide, later", &value, &far::echo_wide_later(value).await)?;
    }
    Ok(())
}

pub async fn flags() -> Checked {
    for value in samples::many() {
        same("32 flags", &value, &far::echo_many(value))?;
    }
    for value in [Few::empty(), Few::A, Few::H, Few::all()] {
        same("8 flags", &value, &far::echo_few(value).await)?;
    }
    Ok(())
}

pub async fn variants() -> Checked {
    for value in samples::mixed() {
        same("mixed", &value, &far::echo_mixed(&value))?;
        same("mixed, later", &value, &far::echo_mixed_later(value.clone()).await)?;
    }
    for value in samples::halves() {
        same("half", &value, &far::echo_half(value).await)?;
    }
    Ok(())
}

pub fn options() -> Checked {
    for value in [None, Some(None), Some(Some(0)), Some(Some(u32::MAX))] {
        same("option of an option", &value, &far::echo_deep(value))?;
    }
    Ok(())
}

pub async fn results() -> Checked {
    same("bare", &Ok(()), &far::bare(false))?;
    same("bare", &Err(()), &far::bare(true))?;
    same("good", &Ok(u64::MAX), &far::good(false))?;
    same("good", &Err(()), &far::good(true))?;
    same("bad", &Ok(()), &far::bad(false))?;
    same("bad", &Err("bad".to_owned()), &far::bad(true))?;
    let (good, bad) = (|| Ok("both".to_owned()), || Err(Mixed::Precise(f64::MIN)));
    same("both", &good(), &far::both(false))?;
    same("both", &bad(), &far::both(true))?;
    same("bare, later", &Ok(()), &far::bare_later(false).await)?;
    same("bare, later", &Err(()), &far::bare_later(true).await)?;
    same("both, later", &good(), &far::both_later(false).await)?;
    same("both, later", &bad(), &far::both_later(true).await)
}

pub async fn all() -> Checked {
    for value in [samples::full("té🦀\0t"), samples::empty()] {
        same("all", &value, &far::echo_all(&value))?;
        same("all, later", &value, &far::echo_all_later(value.clone()).await)?;
    }
    Ok(())
}

pub async fn text() -> Checked {
    let long = "é€🦀 ".repeat(10_000);
    let letters: String = LETTERS.iter().collect();
    for value in [String::new(), letters, long] {
        same("text", &value, &far::echo_text(&value))?;
        same("text, later", &value, &far::echo_text_later(value.clone()).await)?;
    }
    Ok(())
}

pub async fn lists() -> Checked {
    for count in [0, 1, LONG] {
        let bytes = samples::bytes(count);
        if far::echo_bytes(&bytes) != bytes {
            return Err(format!("{count} bytes differ"));
        }
    }
    let numbers: Vec<u64> = (0..LONG as u64 / 8).map(|index| u64::MAX - index).collect();
    if far::echo_numbers(numbers.clone()).await != numbers {
        return Err("numbers differ".to_owned());
    }
    same("no numbers", &vec![], &far::echo_numbers(vec![]).await)?;
    for count in [0, 1, 1000] {
        let leaves = samples::leaves(count);
        same("leaves", &leaves, &far::echo_leaves(leaves.clone()).await)?;
    }
    Ok(())
}
