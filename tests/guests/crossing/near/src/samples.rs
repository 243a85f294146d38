//! Values at their extremes.

use crate::bindings::test::crossing::values::{
    All, Colour, Few, Half, Leaf, Many, Mixed, More, Scalars, Wide,
};

/// Letters of one byte to four, with the first and the last that there are.
pub const LETTERS: [char; 9] =
    ['\0', 'a', '\u{7f}', 'é', '\u{d7ff}', '\u{e000}', '\u{ffff}', '🦀', '\u{10ffff}'];

pub const REALS: [f32; 8] =
    [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -0.0, 1e-45, f32::MIN_POSITIVE, f32::MIN, 0.1];

pub const PRECISE: [f64; 8] =
    [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, 5e-324, f64::MIN_POSITIVE, f64::MAX, 0.1];

pub const NUMBERS: [u64; 6] = [u64::MAX, 0, 1, 1 << 32, (1 << 53) + 1, 1 << 63];
pub const SIGNED: [i64; 6] = [i64::MIN, i64::MAX, -1, 0, -(1 << 32), (1 << 53) + 1];

/// One value of every case.
pub fn mixed() -> Vec<Mixed> {
    let mut values = vec![
        Mixed::Nothing,
        Mixed::Whole(0),
        Mixed::Whole(u32::MAX),
        Mixed::Large(u64::MAX),
        Mixed::Large(1 << 63),
        Mixed::Text(String::new()),
        Mixed::Text("té🦀\0t".to_owned()),
        Mixed::Pair((i8::MIN, -0.0)),
        Mixed::Pair((-1, f64::MAX)),
        Mixed::Words(Vec::new()),
        Mixed::Words(vec!["one".to_owned(), String::new()]),
    ];
    values.extend(REALS.map(Mixed::Real));
    values.extend(PRECISE.map(Mixed::Precise));
    values.extend(LETTERS.map(Mixed::Letter));
    values
}

pub fn halves() -> Vec<Half> {
    let mut values =
        vec![Half::Whole(u32::MAX), Half::Whole(1), Half::Truth(true), Half::Truth(false)];
    values.extend(REALS.map(Half::Real));
    values
}

pub fn many() -> Vec<Many> {
    let mut values = vec![Many::empty(), Many::all(), Many::A0 | Many::B15];
    values.extend(Many::all().iter());
    values
}

pub fn wide() -> [Wide; 2] {
    let (letter, other) = ('\u{10ffff}', '\0');
    [
        Wide {
            a: u8::MAX,
            b: u64::MAX,
            c: i16::MIN,
            d: f32::MIN,
            e: u8::MAX,
            f: f64::NEG_INFINITY,
            g: letter,
            h: true,
            i: u32::MAX,
            j: i64::MIN,
            k: 1,
            l: 1 << 63,
            m: -1,
            n: f32::NAN,
            o: 2,
            p: f64::MIN_POSITIVE,
            q: other,
            r: false,
            s: 1 << 31,
            t: -1,
        },
        Wide {
            a: 0,
            b: 0,
            c: 0,
            d: 0.0,
            e: 0,
            f: -0.0,
            g: other,
            h: false,
            i: 0,
            j: 0,
            k: 0,
            l: 0,
            m: i16::MAX,
            n: -0.0,
            o: 0,
            p: 0.0,
            q: letter,
            r: true,
            s: 0,
            t: i64::MAX,
        },
    ]
}

/// Everything that a value can hold, with this text in it.
pub fn full(text: &str) -> All {
    let [wide, other] = wide();
    All {
        scalars: Scalars {
            truth: true,
            s8_number: i8::MIN,
            u8_number: u8::MAX,
            s16_number: i16::MIN,
            u16_number: u16::MAX,
            s32_number: i32::MIN,
            u32_number: u32::MAX,
            s64_number: i64::MIN,
            u64_number: u64::MAX,
            f32_number: f32::NAN,
            f64_number: f64::NEG_INFINITY,
            letter: '\u{10ffff}',
            text: text.to_owned(),
        },
        wide,
        colour: Colour::Blue,
        few: Few::A | Few::H,
        more: More::A | More::I,
        many: Many::A0 | Many::A15 | Many::B15,
        mixed: mixed(),
        halves: halves(),
        deep: vec![None, Some(None), Some(Some(0)), Some(Some(u32::MAX))],
        bare: vec![Ok(()), Err(())],
        good: vec![Ok(u64::MAX), Err(()), Ok(0)],
        bad: vec![Ok(()), Err(text.to_owned()), Err(String::new())],
        both: vec![Ok(text.to_owned()), Err(Mixed::Real(f32::NAN)), Err(Mixed::Nothing)],
        bytes: (0..=u8::MAX).collect(),
        shorts: vec![i16::MIN, -1, 0, i16::MAX],
        numbers: NUMBERS.to_vec(),
        signed: SIGNED.to_vec(),
        reals: REALS.to_vec(),
        precise: PRECISE.to_vec(),
        truths: vec![true, false, true],
        letters: LETTERS.to_vec(),
        wides: vec![wide, other],
        words: vec![vec![], vec![String::new()], vec![text.to_owned(), "汉".to_owned()]],
        pairs: vec![(0, u64::MAX, text.to_owned()), (255, 0, String::new())],
    }
}

/// The same type with as little in it as it can hold.
pub fn empty() -> All {
    let [_, wide] = wide();
    All {
        scalars: Scalars {
            truth: false,
            s8_number: 0,
            u8_number: 0,
            s16_number: 0,
            u16_number: 0,
            s32_number: 0,
            u32_number: 0,
            s64_number: 0,
            u64_number: 0,
            f32_number: -0.0,
            f64_number: 5e-324,
            letter: '\0',
            text: String::new(),
        },
        wide,
        colour: Colour::Red,
        few: Few::empty(),
        more: More::empty(),
        many: Many::empty(),
        mixed: vec![],
        halves: vec![],
        deep: vec![],
        bare: vec![],
        good: vec![],
        bad: vec![],
        both: vec![],
        bytes: vec![],
        shorts: vec![],
        numbers: vec![],
        signed: vec![],
        reals: vec![],
        precise: vec![],
        truths: vec![],
        letters: vec![],
        wides: vec![],
        words: vec![],
        pairs: vec![],
    }
}

/// So many records, each another.
pub fn leaves(count: u64) -> Vec<Leaf> {
    let leaf = |index: u64| Leaf {
        name: "blatt 🍃 ".repeat(usize::try_from(index % 5).unwrap_or(0)),
        size: u64::MAX - index,
        colour: if index.is_multiple_of(2) { Colour::Blue } else { Colour::Green },
    };
    (0..count).map(leaf).collect()
}

/// Bytes of which none is where another could be taken for it.
pub fn bytes(count: usize) -> Vec<u8> {
    (0..=250u8).cycle().take(count).collect()
}
