//! Files that somebody, or a disk, has damaged.

use crate::serving::App;
use std::fs;

#[test]
fn damaged_object_answers_an_error_and_others_live() {
    let app = App::new();
    let host = app.start();
    for name in ["empty", "cut", "garbage", "zeros", "sound"] {
        assert_eq!(host.add(name).body["value"], 1);
        assert_eq!(host.add(name).body["value"], 2);
    }
    host.stop();
    let whole = fs::read(app.file("counter", "cut")).unwrap();
    let damages = [
        ("empty", Vec::new()),
        ("cut", whole[..whole.len() / 2].to_vec()),
        ("garbage", b"garbage".to_vec()),
        ("zeros", [&whole[..4096], &vec![0; whole.len() - 4096]].concat()),
    ];
    for (name, bytes) in &damages {
        fs::write(app.file("counter", name), bytes).unwrap();
    }
    let host = app.start();
    for (name, bytes) in &damages {
        for _ in 0..2 {
            let answer = host.request("POST", &format!("/counter/{name}"), "");
            assert!(answer.status >= 500, "{name}: {} {}", answer.status, answer.body);
        }
        assert_eq!(&fs::read(app.file("counter", name)).unwrap(), bytes, "{name}");
    }
    assert_eq!(host.add("sound").body["value"], 3);
    assert_eq!(host.add("another").body["value"], 1);
    host.stop();
}
