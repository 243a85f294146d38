//! Both interfaces as a guest calls them: one instance's handles, grants and errors.

use super::{atomics, batch, store};
use crate::capability::keyvalue::guest::wit;
use crate::capability::keyvalue::{
    Bucket, Grants, HasKeyValue, KeyValue, KeyValueError, KeyValueView,
};
use crate::guest::engine;
use selvedge_contract::names::Name;
use std::sync::Arc;
use tempfile::TempDir;
use wasmtime::component::{Accessor, Resource, ResourceTable};

/// An instance of a service that is granted "own" of the stores "own" and "other".
struct Instance {
    table: ResourceTable,
    stores: Arc<KeyValue>,
    grants: Arc<Grants>,
    _home: TempDir,
}

fn view(instance: &mut Instance) -> KeyValueView<'_> {
    let Instance { table, stores, grants, .. } = instance;
    KeyValueView { table, stores, grants }
}

impl Instance {
    fn new() -> Self {
        let name = |name| Name::parse(name).unwrap();
        let home = tempfile::tempdir().unwrap();
        let stores = KeyValue::open(home.path()).unwrap();
        let grants = Arc::new(Grants::new([name("own")], [name("own"), name("other")]));
        Self { table: ResourceTable::new(), stores, grants, _home: home }
    }

    fn open(&mut self) -> Resource<Bucket> {
        store::Host::open(&mut view(self), "own".to_owned()).unwrap()
    }
}

type Guest<'a> = Accessor<Instance, HasKeyValue>;

/// Runs `act` as the calls of an instance to `selvedge:keyvalue`.
async fn as_guest(instance: Instance, act: impl AsyncFnOnce(&Guest<'_>) + Send) -> Instance {
    let engine = engine::open_compiler(None).unwrap();
    let mut wasm = wasmtime::Store::new(&engine, instance);
    wasm.run_concurrent(async |accessor| act(&accessor.with_getter::<HasKeyValue>(view)).await)
        .await
        .unwrap();
    wasm.into_data()
}

fn again(bucket: &Resource<Bucket>) -> Resource<Bucket> {
    Resource::new_borrow(bucket.rep())
}

fn told(error: KeyValueError) -> String {
    let mut instance = Instance::new();
    match wit::Host::convert_error(&mut view(&mut instance), error) {
        Err(trap) => format!("trap: {trap}"),
        Ok(error) => format!("{error:?}"),
    }
}

#[tokio::test]
async fn store_is_opened_by_grant_only() {
    as_guest(Instance::new(), async |guest| {
        let open = |name: &str| {
            <HasKeyValue as wit::HostWithStore<Instance>>::open(guest, name.to_owned())
        };
        open("own").await.unwrap();
        assert!(matches!(open("other").await, Err(KeyValueError::AccessDenied)));
        for name in ["none", "", "own/", "OWN"] {
            assert!(matches!(open(name).await, Err(KeyValueError::NoSuchStore)), "{name:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn grant_is_checked_at_each_call() {
    let mut instance = Instance::new();
    let bucket = instance.open();
    instance.grants = Arc::new(Grants::new([], [Name::parse("own").unwrap()]));
    let outcome =
        store::HostBucket::exists(&mut view(&mut instance), again(&bucket), "k".to_owned());
    assert!(matches!(outcome, Err(KeyValueError::AccessDenied)), "{outcome:?}");
    let outcome =
        atomics::Host::increment(&mut view(&mut instance), bucket, "k".to_owned(), 1).await;
    assert!(matches!(outcome, Err(KeyValueError::AccessDenied)), "{outcome:?}");
}

#[tokio::test]
async fn each_interface_reads_what_the_other_set() {
    let mut instance = Instance::new();
    let bucket = instance.open();
    let pairs = vec![("a".to_owned(), b"draft".to_vec()), ("n".to_owned(), b"7".to_vec())];
    batch::Host::set_many(&mut view(&mut instance), again(&bucket), pairs).await.unwrap();
    let mut instance = as_guest(instance, async |guest| {
        type Ours = HasKeyValue;
        let get = |key: &str| {
            <Ours as wit::HostBucketWithStore<_>>::get(guest, again(&bucket), key.to_owned())
        };
        assert_eq!(get("a").await.unwrap(), Some(b"draft".to_vec()));
        let options = Some(wit::SetOptions { ttl_seconds: Some(60), metadata: Some(vec![1]) });
        <Ours as wit::HostBucketWithStore<_>>::set(
            guest,
            again(&bucket),
            "b".to_owned(),
            b"ours".to_vec(),
            options,
        )
        .await
        .unwrap();
    })
    .await;
    let keys = ["b", "none", "a"].map(str::to_owned).to_vec();
    let found =
        batch::Host::get_many(&mut view(&mut instance), again(&bucket), keys).await.unwrap();
    let pair = |key: &str, value: &str| Some((key.to_owned(), value.as_bytes().to_vec()));
    assert_eq!(found, [pair("b", "ours"), None, pair("a", "draft")]);
    let sum = atomics::Host::increment(&mut view(&mut instance), bucket, "n".to_owned(), 5).await;
    assert_eq!(sum.unwrap(), 12);
}

#[tokio::test]
async fn numeric_cursor_goes_through_all_keys_once_in_any_instance() {
    let mut instance = Instance::new();
    let bucket = instance.open();
    let pairs: Vec<_> = (0..2300).map(|key| (format!("{key:04}"), Vec::new())).collect();
    batch::Host::set_many(&mut view(&mut instance), again(&bucket), pairs).await.unwrap();
    let (mut keys, mut cursor, mut pages) = (Vec::new(), None, 0);
    loop {
        // Another instance of the same host has handles of its own, and the same stores.
        instance.table = ResourceTable::new();
        let bucket = instance.open();
        let page = store::HostBucket::list_keys(&mut view(&mut instance), bucket, cursor).await;
        let page = page.unwrap();
        keys.extend(page.keys);
        pages += 1;
        cursor = page.cursor;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(keys, (0..2300).map(|key| format!("{key:04}")).collect::<Vec<_>>());
    assert_eq!(pages, 3);
    let bucket = instance.open();
    let outcome = store::HostBucket::list_keys(&mut view(&mut instance), bucket, Some(1)).await;
    assert!(matches!(outcome, Err(KeyValueError::ForgottenCursor)), "{outcome:?}");
}

#[test]
fn errors_are_told_as_the_interface_has_them() {
    use crate::storage::StorageError;
    use selvedge_contract::names::KeyError;
    let cause = || Arc::new(std::io::Error::other("a secret of the host"));
    let path = || "/home/somebody/keyvalue.sqlite".into();
    for (error, case) in [
        (KeyValueError::NoSuchStore, "NoSuchStore"),
        (KeyValueError::AccessDenied, "AccessDenied"),
        (KeyValueError::Key(KeyError::Empty), "InvalidKey"),
        (KeyValueError::ValueTooLarge { bytes: 9 }, "TooLarge"),
        (KeyValueError::MetadataTooLarge { bytes: 9 }, "TooLarge"),
        (KeyValueError::TimeToLive { seconds: 59 }, "InvalidArgument"),
        (KeyValueError::Cursor, "InvalidArgument"),
        (KeyValueError::Limit, "InvalidArgument"),
        (KeyValueError::Unreadable, "Unavailable"),
        (StorageError::Full { path: path(), cause: cause() }.into(), "Unavailable"),
        (StorageError::Damaged { path: path(), cause: cause() }.into(), "Unavailable"),
        (StorageError::Unavailable { path: path(), cause: cause() }.into(), "Unavailable"),
        (wasmtime::component::ResourceTableError::NotPresent.into(), "trap"),
    ] {
        let sentence = told(error);
        assert!(sentence.contains(case), "{sentence}");
        assert!(!sentence.contains("secret") && !sentence.contains("/home"), "{sentence}");
    }
}

#[test]
fn both_interfaces_can_be_linked_at_once() {
    let engine = engine::open_compiler(None).unwrap();
    let mut linker = wasmtime::component::Linker::<Instance>::new(&engine);
    crate::capability::keyvalue::add_to_linker(&mut linker, view).unwrap();
    super::add_to_linker(&mut linker, view).unwrap();
    assert!(super::add_to_linker(&mut linker, view).is_err(), "and only once");
}
