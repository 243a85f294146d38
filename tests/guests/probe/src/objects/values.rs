//! Sends values of every type to an object and tells what came back.

use super::bindings::selvedge::durable::types::Error;
use super::bindings::test::objects::subjects::{
    Access, Colour, Everything, Leaf, Scalars, Shape, Subject,
};
use crate::arguments::Arguments;
use crate::objects::extremes;
use serde_json::{Value, json};
use std::fmt::Debug;
use std::str::FromStr;

/// Sends the values of the query (`value`, any number of times) as `type`, or a set of values of a
/// type that has no such spelling. Tells what came back, and whether it is what was sent.
pub async fn echo(subject: &Subject, arguments: &Arguments) -> Result<Value, Error> {
    match arguments.text("type") {
        "bool" => each(arguments, async |value| subject.echo_bool(value).await).await,
        "s8" => each(arguments, async |value| subject.echo_s8(value).await).await,
        "u8" => each(arguments, async |value| subject.echo_u8(value).await).await,
        "s16" => each(arguments, async |value| subject.echo_s16(value).await).await,
        "u16" => each(arguments, async |value| subject.echo_u16(value).await).await,
        "s32" => each(arguments, async |value| subject.echo_s32(value).await).await,
        "u32" => each(arguments, async |value| subject.echo_u32(value).await).await,
        "s64" => each(arguments, async |value| subject.echo_s64(value).await).await,
        "u64" => each(arguments, async |value| subject.echo_u64(value).await).await,
        "f32" => each(arguments, async |value| subject.echo_f32(value).await).await,
        "f64" => each(arguments, async |value| subject.echo_f64(value).await).await,
        "char" => each(arguments, async |value| subject.echo_char(value).await).await,
        "string" => each(arguments, async |value: String| subject.echo_string(value).await).await,
        "long-string" => {
            let text = "é€🦀 ".repeat(size(arguments));
            let back = subject.echo_string(text.clone()).await?;
            Ok(json!({ "bytes": back.len(), "same": back == text }))
        }
        "bytes" => {
            let bytes: Vec<u8> = (0..=u8::MAX).cycle().take(size(arguments)).collect();
            let back = subject.echo_bytes(bytes.clone()).await?;
            Ok(json!({ "bytes": back.len(), "same": back == bytes }))
        }
        "list" => {
            let list: Vec<String> = (0..size(arguments)).map(|index| index.to_string()).collect();
            let back = subject.echo_list(list.clone()).await;
            Ok(json!({ "items": back.len(), "same": back == list }))
        }
        _ => compound(subject, arguments).await,
    }
}

/// The types that are made of others, each with values of ours.
async fn compound(subject: &Subject, arguments: &Arguments) -> Result<Value, Error> {
    let mut back = Back::default();
    match arguments.text("type") {
        "tuple" => {
            for value in [(0, String::new(), 0.5), (255, "é".to_owned(), f64::MIN)] {
                back.add(&value, &subject.echo_tuple(value.clone()).await);
            }
        }
        "option" => {
            for value in [None, Some(String::new()), Some("there".to_owned())] {
                back.add(&value, &subject.echo_option(value.clone()).await);
            }
        }
        // The object's own success and failure, in a type that has no place for the platform's.
        "result" => {
            for value in [Ok(u64::MAX), Err("no".to_owned()), Err(String::new())] {
                back.add(&value, &subject.echo_result(value.clone()).await);
            }
        }
        "record" => {
            for value in leaves() {
                back.add(&value, &subject.echo_record(value.clone()).await?);
            }
        }
        "variant" => {
            for value in shapes() {
                back.add(&value, &subject.echo_variant(value.clone()).await);
            }
        }
        "enum" => {
            for value in [Colour::Red, Colour::Green, Colour::Blue] {
                back.add(&value, &subject.echo_enum(value).await);
            }
        }
        "flags" => {
            for value in [Access::empty(), Access::WRITE, Access::READ | Access::RUN, Access::all()]
            {
                back.add(&value, &subject.echo_flags(value).await);
            }
        }
        "everything" => {
            for value in [everything(), nothing()] {
                back.add(&value, &subject.echo_everything(value.clone()).await?);
            }
        }
        other => extremes::echo(subject, other, &mut back).await?,
    }
    Ok(json!({ "same": back.same, "values": back.values }))
}

/// Calls the method with more parameters than fit a flat signature.
pub async fn join(subject: &Subject) -> Result<String, Error> {
    let (b, e, h) = ("bé".to_owned(), String::new(), "h".to_owned());
    let (c, f, i, l) = (-0.5, u64::MAX, i16::MIN, u32::MAX);
    subject.join(1, b, c, true, e, f, '🦀', h, i, vec![0, 255], None, l).await
}

/// Sends each value of the query.
async fn each<T: FromStr + Debug>(
    arguments: &Arguments,
    send: impl AsyncFn(T) -> Result<T, Error>,
) -> Result<Value, Error> {
    let mut values = Vec::new();
    for (_, spelled) in arguments.pairs().filter(|(name, _)| *name == "value") {
        let value = spelled.parse();
        let value =
            value.map_err(|_| Error::Invalid(format!("the probe cannot send {spelled:?}")))?;
        values.push(format!("{:?}", send(value).await?));
    }
    Ok(json!({ "values": values }))
}

fn size(arguments: &Arguments) -> usize {
    usize::try_from(arguments.number("n").unwrap_or(0)).unwrap_or(0)
}

/// What came back, spelled, and whether all of it is what was sent.
pub(super) struct Back {
    same: bool,
    values: Vec<String>,
}

impl Default for Back {
    fn default() -> Self {
        Self { same: true, values: Vec::new() }
    }
}

impl Back {
    /// Spelled values compare not-a-number as equal to itself.
    pub(super) fn add(&mut self, sent: &impl Debug, back: &impl Debug) {
        let back = format!("{back:?}");
        self.same &= format!("{sent:?}") == back;
        self.values.push(back);
    }
}

fn leaves() -> Vec<Leaf> {
    let leaf = |name: &str, size, colour| Leaf { name: name.to_owned(), size, colour };
    vec![leaf("", 0, Colour::Red), leaf("blatt 🍃", u64::MAX, Colour::Blue)]
}

fn shapes() -> Vec<Shape> {
    vec![
        Shape::Nothing,
        Shape::Circle(f64::EPSILON),
        Shape::Square(u32::MAX),
        Shape::Labelled(("label".to_owned(), Colour::Green)),
        Shape::Group((0..=u8::MAX).collect()),
    ]
}

fn everything() -> Everything {
    Everything {
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
            text: "\0 ß 汉 🦀".to_owned(),
        },
        colour: Colour::Blue,
        access: Access::READ | Access::RUN,
        shapes: shapes(),
        leaf: leaves().pop(),
        leaves: leaves(),
        nested: vec![
            None,
            Some(Ok((7, "seven".to_owned()))),
            Some(Err(Shape::Labelled((String::new(), Colour::Red)))),
        ],
        pair: (f32::INFINITY, 'é'),
        bare: Err(()),
        good_only: Ok("good".to_owned()),
        bad_only: Err(Colour::Green),
        deep: Some(None),
        bytes: vec![0, 255, 127],
        words: vec![String::new(), "word".to_owned()],
        matrix: vec![vec![i16::MIN, -1], Vec::new(), vec![i16::MAX]],
    }
}

/// The same type with as little in it as it can hold.
fn nothing() -> Everything {
    Everything {
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
            f64_number: f64::MIN_POSITIVE / 2.0,
            letter: '\0',
            text: String::new(),
        },
        colour: Colour::Red,
        access: Access::empty(),
        shapes: Vec::new(),
        leaf: None,
        leaves: Vec::new(),
        nested: Vec::new(),
        pair: (f32::MIN_POSITIVE, 'a'),
        bare: Ok(()),
        good_only: Err(()),
        bad_only: Ok(()),
        deep: None,
        bytes: Vec::new(),
        words: Vec::new(),
        matrix: Vec::new(),
    }
}
