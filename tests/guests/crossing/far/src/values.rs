//! Values, sent back as they came.

use crate::Far;
use crate::bindings::exports::test::crossing::values::{
    All, Few, Guest, Half, Leaf, Many, Mixed, Wide,
};

impl Guest for Far {
    fn echo_flat(
        a: bool,
        b: i8,
        c: u8,
        d: i16,
        e: u16,
        f: i32,
        g: u32,
        h: i64,
        i: u64,
        j: f32,
        k: f64,
        l: char,
        m: String,
    ) -> (bool, i8, u8, i16, u16, i32, u32, i64, u64, f32, f64, char, String) {
        (a, b, c, d, e, f, g, h, i, j, k, l, m)
    }
    fn echo_u64(value: u64) -> u64 {
        value
    }
    fn echo_f32(value: f32) -> f32 {
        value
    }
    fn echo_char(value: char) -> char {
        value
    }
    fn echo_many(value: Many) -> Many {
        value
    }
    async fn echo_few(value: Few) -> Few {
        value
    }
    async fn echo_f64(value: f64) -> f64 {
        value
    }
    async fn echo_s8(value: i8) -> i8 {
        value
    }
    fn echo_wide(value: Wide) -> Wide {
        value
    }
    async fn echo_wide_later(value: Wide) -> Wide {
        wit_bindgen::yield_async().await;
        value
    }
    fn echo_mixed(value: Mixed) -> Mixed {
        value
    }
    async fn echo_mixed_later(value: Mixed) -> Mixed {
        value
    }
    async fn echo_half(value: Half) -> Half {
        value
    }
    fn echo_deep(value: Option<Option<u32>>) -> Option<Option<u32>> {
        value
    }
    fn echo_all(value: All) -> All {
        value
    }
    async fn echo_all_later(value: All) -> All {
        wit_bindgen::yield_async().await;
        value
    }
    fn echo_text(value: String) -> String {
        value
    }
    async fn echo_text_later(value: String) -> String {
        value
    }
    fn echo_bytes(value: Vec<u8>) -> Vec<u8> {
        value
    }
    async fn echo_numbers(value: Vec<u64>) -> Vec<u64> {
        value
    }
    async fn echo_leaves(value: Vec<Leaf>) -> Vec<Leaf> {
        value
    }

    fn bare(fails: bool) -> Result<(), ()> {
        if fails { Err(()) } else { Ok(()) }
    }
    fn good(fails: bool) -> Result<u64, ()> {
        if fails { Err(()) } else { Ok(u64::MAX) }
    }
    fn bad(fails: bool) -> Result<(), String> {
        if fails { Err("bad".to_owned()) } else { Ok(()) }
    }
    fn both(fails: bool) -> Result<String, Mixed> {
        if fails { Err(Mixed::Precise(f64::MIN)) } else { Ok("both".to_owned()) }
    }
    async fn bare_later(fails: bool) -> Result<(), ()> {
        Self::bare(fails)
    }
    async fn both_later(fails: bool) -> Result<String, Mixed> {
        Self::both(fails)
    }
}
