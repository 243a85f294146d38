//! Values at their extremes, in the shapes that share places among core values or lie in memory.

use super::bindings::selvedge::durable::types::Error;
use super::bindings::test::objects::subjects::{Half, Lists, Many, Mixed, Subject, Wide};
use super::values::Back;

/// Letters of one byte to four, with the first and the last that there are.
const LETTERS: [char; 9] =
    ['\0', 'a', '\u{7f}', 'é', '\u{d7ff}', '\u{e000}', '\u{ffff}', '🦀', '\u{10ffff}'];
const REALS: [f32; 8] =
    [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -0.0, 1e-45, f32::MIN_POSITIVE, f32::MIN, 0.1];
const PRECISE: [f64; 8] =
    [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, 5e-324, f64::MIN_POSITIVE, f64::MAX, 0.1];
const NUMBERS: [u64; 6] = [u64::MAX, 0, 1, 1 << 32, (1 << 53) + 1, 1 << 63];
const SIGNED: [i64; 6] = [i64::MIN, i64::MAX, -1, 0, -(1 << 32), (1 << 53) + 1];
const DEEP: [Option<Option<u32>>; 4] = [None, Some(None), Some(Some(0)), Some(Some(u32::MAX))];

/// Sends values of this type there and back.
pub(super) async fn echo(subject: &Subject, kind: &str, back: &mut Back) -> Result<(), Error> {
    match kind {
        "many" => {
            for value in many() {
                back.add(&value, &subject.echo_many(value).await);
            }
        }
        "mixed" => {
            for value in mixed() {
                back.add(&value, &subject.echo_mixed(value.clone()).await);
            }
        }
        "half" => {
            for value in halves() {
                back.add(&value, &subject.echo_half(value).await);
            }
        }
        "deep" => {
            for value in DEEP {
                back.add(&value, &subject.echo_deep(value).await);
            }
        }
        "wide" => {
            for value in wides() {
                back.add(&value, &subject.echo_wide(value)?);
            }
        }
        "lists" => {
            for value in [full(), empty()] {
                back.add(&value, &subject.echo_lists(value.clone()).await?);
            }
        }
        "results" => results(subject, back).await,
        other => return Err(Error::Invalid(format!("the probe has no type {other:?}"))),
    }
    Ok(())
}

/// Every shape of a result, each as the method's own.
async fn results(subject: &Subject, back: &mut Back) {
    for value in [Ok(()), Err(())] {
        back.add(&value, &subject.echo_bare(value).await);
    }
    for value in [Ok(u64::MAX), Ok(0), Err(())] {
        back.add(&value, &subject.echo_good(value));
    }
    for value in [Ok(()), Err(String::new()), Err("no".to_owned())] {
        back.add(&value, &subject.echo_bad(value.clone()).await);
    }
    let failures = mixed().into_iter().map(Err);
    for value in failures.chain([Ok(String::new()), Ok("both".to_owned())]) {
        back.add(&value, &subject.echo_both(value.clone()).await);
    }
}

fn many() -> Vec<Many> {
    let mut values = vec![Many::empty(), Many::all(), Many::A0 | Many::B15];
    values.extend(Many::all().iter());
    values
}

fn mixed() -> Vec<Mixed> {
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
        Mixed::Words(vec![]),
        Mixed::Words(vec!["one".to_owned(), String::new()]),
    ];
    values.extend(REALS.map(Mixed::Real));
    values.extend(PRECISE.map(Mixed::Precise));
    values.extend(LETTERS.map(Mixed::Letter));
    values
}

fn halves() -> Vec<Half> {
    let mut values =
        vec![Half::Whole(u32::MAX), Half::Whole(1), Half::Truth(true), Half::Truth(false)];
    values.extend(REALS.map(Half::Real));
    values
}

fn wides() -> [Wide; 2] {
    let full = Wide {
        a: u8::MAX,
        b: u64::MAX,
        c: i16::MIN,
        d: f32::MIN,
        e: u8::MAX,
        f: f64::NEG_INFINITY,
        g: '\u{10ffff}',
        h: true,
        i: u32::MAX,
        j: i64::MIN,
        k: 1,
        l: 1 << 63,
        m: -1,
        n: f32::NAN,
        o: 2,
        p: f64::MIN_POSITIVE,
        q: '\0',
        r: false,
        s: 1 << 31,
        t: -1,
    };
    let other = Wide { a: 0, b: 0, c: i16::MAX, d: -0.0, e: 0, f: 0.0, j: i64::MAX, l: 1, ..full };
    [full, other]
}

fn full() -> Lists {
    Lists {
        many: many(),
        mixed: mixed(),
        halves: halves(),
        deep: DEEP.to_vec(),
        bare: vec![Ok(()), Err(())],
        good: vec![Ok(u64::MAX), Err(()), Ok(0)],
        bad: vec![Ok(()), Err("bad".to_owned()), Err(String::new())],
        both: vec![Ok("good".to_owned()), Err(Mixed::Real(f32::NAN)), Err(Mixed::Nothing)],
        shorts: vec![u16::MAX, 0, 1],
        integers: vec![i32::MIN, -1, 0, i32::MAX],
        numbers: NUMBERS.to_vec(),
        signed: SIGNED.to_vec(),
        reals: REALS.to_vec(),
        precise: PRECISE.to_vec(),
        truths: vec![true, false, true],
        letters: LETTERS.to_vec(),
        wides: wides().to_vec(),
        words: vec![vec![], vec![String::new()], vec!["té🦀\0t".to_owned(), "汉".to_owned()]],
        pairs: vec![(0, u64::MAX, "pair".to_owned()), (255, 0, String::new())],
    }
}

fn empty() -> Lists {
    Lists {
        many: vec![],
        mixed: vec![],
        halves: vec![],
        deep: vec![],
        bare: vec![],
        good: vec![],
        bad: vec![],
        both: vec![],
        shorts: vec![],
        integers: vec![],
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
