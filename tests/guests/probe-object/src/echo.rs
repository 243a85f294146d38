//! The methods of the subject: scripts, and every type of value, sent back as it came.

use crate::bindings::exports::test::objects::subjects::{
    Access, Colour, Everything, Failure, GuestSubject, Half, Leaf, Lists, Many, Mixed, Platform,
    Shape, Wide,
};
use crate::{Subject, script};

impl GuestSubject for Subject {
    fn new(name: String) -> Self {
        Self::constructed(name)
    }

    async fn run(&self, script: String) -> Result<String, Platform> {
        script::run(self, &script).await.map_err(Platform::Invalid)
    }

    async fn run_within(&self, script: String) -> Result<String, Failure> {
        script::run(self, &script).await.map_err(Failure::Refused)
    }

    async fn run_text(&self, script: String) -> Result<String, String> {
        script::run(self, &script).await
    }

    async fn run_plain(&self, script: String) -> String {
        script::run(self, &script).await.unwrap_or_else(|text| text)
    }

    fn count(&self) -> u64 {
        self.counts.set(self.counts.get() + 1);
        self.counts.get()
    }

    fn sum(&self, numbers: Vec<u64>) -> Result<u64, Platform> {
        let sum = numbers.iter().try_fold(0u64, |sum, number| sum.checked_add(*number));
        sum.ok_or_else(|| Platform::Invalid("the sum is over 64 bits".to_owned()))
    }

    async fn touch(&self) {
        self.counts.set(self.counts.get() + 1);
    }

    async fn echo_bool(&self, value: bool) -> Result<bool, Platform> {
        Ok(value)
    }
    async fn echo_s8(&self, value: i8) -> Result<i8, Platform> {
        Ok(value)
    }
    async fn echo_u8(&self, value: u8) -> Result<u8, Platform> {
        Ok(value)
    }
    async fn echo_s16(&self, value: i16) -> Result<i16, Platform> {
        Ok(value)
    }
    async fn echo_u16(&self, value: u16) -> Result<u16, Platform> {
        Ok(value)
    }
    async fn echo_s32(&self, value: i32) -> Result<i32, Platform> {
        Ok(value)
    }
    async fn echo_u32(&self, value: u32) -> Result<u32, Platform> {
        Ok(value)
    }
    async fn echo_s64(&self, value: i64) -> Result<i64, Platform> {
        Ok(value)
    }
    async fn echo_u64(&self, value: u64) -> Result<u64, Platform> {
        Ok(value)
    }
    async fn echo_f32(&self, value: f32) -> Result<f32, Platform> {
        Ok(value)
    }
    async fn echo_f64(&self, value: f64) -> Result<f64, Platform> {
        Ok(value)
    }
    async fn echo_char(&self, value: char) -> Result<char, Platform> {
        Ok(value)
    }
    async fn echo_string(&self, value: String) -> Result<String, Platform> {
        Ok(value)
    }
    async fn echo_bytes(&self, value: Vec<u8>) -> Result<Vec<u8>, Platform> {
        Ok(value)
    }
    async fn echo_list(&self, value: Vec<String>) -> Vec<String> {
        value
    }
    async fn echo_tuple(&self, value: (u8, String, f64)) -> (u8, String, f64) {
        value
    }
    async fn echo_option(&self, value: Option<String>) -> Option<String> {
        value
    }
    async fn echo_result(&self, value: Result<u64, String>) -> Result<u64, String> {
        value
    }
    async fn echo_record(&self, value: Leaf) -> Result<Leaf, Platform> {
        Ok(value)
    }
    async fn echo_variant(&self, value: Shape) -> Shape {
        value
    }
    async fn echo_enum(&self, value: Colour) -> Colour {
        value
    }
    async fn echo_flags(&self, value: Access) -> Access {
        value
    }
    async fn echo_everything(&self, value: Everything) -> Result<Everything, Platform> {
        Ok(value)
    }
    async fn echo_many(&self, value: Many) -> Many {
        value
    }
    async fn echo_mixed(&self, value: Mixed) -> Mixed {
        value
    }
    async fn echo_half(&self, value: Half) -> Half {
        value
    }
    async fn echo_deep(&self, value: Option<Option<u32>>) -> Option<Option<u32>> {
        value
    }
    fn echo_wide(&self, value: Wide) -> Result<Wide, Platform> {
        Ok(value)
    }
    async fn echo_lists(&self, value: Lists) -> Result<Lists, Platform> {
        Ok(value)
    }
    async fn echo_bare(&self, value: Result<(), ()>) -> Result<(), ()> {
        value
    }
    fn echo_good(&self, value: Result<u64, ()>) -> Result<u64, ()> {
        value
    }
    async fn echo_bad(&self, value: Result<(), String>) -> Result<(), String> {
        value
    }
    async fn echo_both(&self, value: Result<String, Mixed>) -> Result<String, Mixed> {
        value
    }

    async fn join(
        &self,
        a: u8,
        b: String,
        c: f64,
        d: bool,
        e: String,
        f: u64,
        g: char,
        h: String,
        i: i16,
        j: Vec<u8>,
        k: Option<String>,
        l: u32,
    ) -> Result<String, Platform> {
        Ok(format!("{a},{b},{c},{d},{e},{f},{g},{h},{i},{j:?},{k:?},{l}"))
    }
}
