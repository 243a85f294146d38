//! `selvedge:keyvalue` for guests: grants, handles, and errors as the WIT has them.

use super::error::{Fault, KeyValueError};
use super::{Entry, KeyValue, Listed, Page, Query, SetOptions};
use selvedge_contract::names::Name;
use std::collections::BTreeSet;
use std::sync::Arc;
use wasmtime::component::{Accessor, HasData, Linker, Resource, ResourceTable};

pub(in crate::capability) use self::bindings::selvedge::keyvalue::store as wit;

mod bindings {
    wasmtime::component::bindgen!({
        path: "../wit",
        inline: "
            package selvedge:host-keyvalue;
            world imports {
                import selvedge:keyvalue/store@0.1.0;
            }
        ",
        world: "selvedge:host-keyvalue/imports",
        imports: { default: trappable },
        with: { "selvedge:keyvalue/store.bucket": super::Bucket },
        trappable_error_type: { "selvedge:keyvalue/store.error" => super::KeyValueError },
    });
}

/// What a service may open.
#[derive(Debug, Clone, Default)]
pub(crate) struct Grants {
    granted: BTreeSet<Name>,
    existing: BTreeSet<Name>,
}

impl Grants {
    /// Grants `granted` of the stores `existing`.
    pub(crate) fn new(
        granted: impl IntoIterator<Item = Name>,
        existing: impl IntoIterator<Item = Name>,
    ) -> Self {
        let (granted, existing) = (granted.into_iter().collect(), existing.into_iter().collect());
        Self { granted, existing }
    }

    /// Opens a store by the name that a guest gave.
    pub(in crate::capability) fn open(&self, name: &str) -> Result<Bucket, KeyValueError> {
        let store = self.existing.get(name).ok_or(KeyValueError::NoSuchStore)?;
        self.check(store)?;
        Ok(Bucket { store: Arc::new(store.clone()) })
    }

    fn check(&self, store: &Name) -> Result<(), KeyValueError> {
        if self.granted.contains(store) { Ok(()) } else { Err(KeyValueError::AccessDenied) }
    }
}

/// An open store: what a guest's handle stands for, in either interface.
#[derive(Debug, Clone)]
#[expect(unreachable_pub, reason = "the generated bindings name it in public aliases")]
pub struct Bucket {
    store: Arc<Name>,
}

/// What an instance may see of the stores, for the time of one call.
pub(crate) struct KeyValueView<'a> {
    /// The instance's handles.
    pub(crate) table: &'a mut ResourceTable,
    /// Every store.
    pub(crate) stores: &'a Arc<KeyValue>,
    /// What its service is granted.
    pub(crate) grants: &'a Arc<Grants>,
}

impl KeyValueView<'_> {
    /// The store behind a handle, whose grant is checked at every call.
    pub(in crate::capability) fn store(
        &self,
        bucket: &Resource<Bucket>,
    ) -> Result<Arc<Name>, KeyValueError> {
        let Bucket { store } = self.table.get(bucket)?;
        self.grants.check(store)?;
        Ok(Arc::clone(store))
    }

    /// Gives a guest a handle on the store that it names.
    pub(in crate::capability) fn open(
        &mut self,
        name: &str,
    ) -> Result<Resource<Bucket>, KeyValueError> {
        Ok(self.table.push(self.grants.open(name)?)?)
    }
}

/// Links `selvedge:keyvalue`; `view` finds an instance's view.
///
/// # Errors
/// Where it is linked already.
pub(crate) fn add_to_linker<T: Send + 'static>(
    linker: &mut Linker<T>,
    view: fn(&mut T) -> KeyValueView<'_>,
) -> wasmtime::Result<()> {
    wit::add_to_linker::<T, HasKeyValue>(linker, view)
}

/// Tells the linker which view the functions below get.
pub(crate) struct HasKeyValue;

impl HasData for HasKeyValue {
    type Data<'a> = KeyValueView<'a>;
}

/// The stores, and the one behind a handle.
fn reach<T: 'static>(
    accessor: &Accessor<T, HasKeyValue>,
    bucket: &Resource<Bucket>,
) -> Result<(Arc<KeyValue>, Arc<Name>), KeyValueError> {
    accessor.with(|mut access| {
        let view = access.get();
        Ok((Arc::clone(view.stores), view.store(bucket)?))
    })
}

async fn get<T: Send + 'static>(
    accessor: &Accessor<T, HasKeyValue>,
    bucket: &Resource<Bucket>,
    key: &str,
) -> Result<Option<Entry>, KeyValueError> {
    let (stores, store) = reach(accessor, bucket)?;
    stores.get(&store, key).await
}

impl<T: Send + 'static> wit::HostBucketWithStore<T> for HasKeyValue {
    async fn get(
        accessor: &Accessor<T, Self>,
        bucket: Resource<Bucket>,
        key: String,
    ) -> Result<Option<Vec<u8>>, KeyValueError> {
        Ok(get(accessor, &bucket, &key).await?.map(|entry| entry.value))
    }

    async fn get_with_metadata(
        accessor: &Accessor<T, Self>,
        bucket: Resource<Bucket>,
        key: String,
    ) -> Result<Option<wit::Entry>, KeyValueError> {
        let entry = get(accessor, &bucket, &key).await?;
        Ok(entry.map(|Entry { value, metadata }| wit::Entry { value, metadata }))
    }

    async fn set(
        accessor: &Accessor<T, Self>,
        bucket: Resource<Bucket>,
        key: String,
        value: Vec<u8>,
        options: Option<wit::SetOptions>,
    ) -> Result<(), KeyValueError> {
        let (stores, store) = reach(accessor, &bucket)?;
        let options = options.map_or_else(SetOptions::default, |options| SetOptions {
            ttl_seconds: options.ttl_seconds,
            metadata: options.metadata,
        });
        stores.set(&store, &key, &value, options).await
    }

    async fn delete(
        accessor: &Accessor<T, Self>,
        bucket: Resource<Bucket>,
        key: String,
    ) -> Result<(), KeyValueError> {
        let (stores, store) = reach(accessor, &bucket)?;
        stores.delete(&store, &[&key]).await
    }

    async fn list(
        accessor: &Accessor<T, Self>,
        bucket: Resource<Bucket>,
        prefix: String,
        cursor: Option<String>,
        limit: Option<u32>,
    ) -> Result<wit::Page, KeyValueError> {
        let (stores, store) = reach(accessor, &bucket)?;
        let Page { keys, cursor } = stores.list(&store, Query { prefix, cursor, limit }).await?;
        let keys = keys.into_iter().map(|Listed { name, expires_at, metadata }| wit::KeyEntry {
            name,
            expires_at,
            metadata,
        });
        Ok(wit::Page { keys: keys.collect(), cursor })
    }
}

impl<T: Send + 'static> wit::HostWithStore<T> for HasKeyValue {
    async fn open(
        accessor: &Accessor<T, Self>,
        name: String,
    ) -> Result<Resource<Bucket>, KeyValueError> {
        accessor.with(|mut access| access.get().open(&name))
    }
}

impl wit::HostBucket for KeyValueView<'_> {
    fn drop(&mut self, bucket: Resource<Bucket>) -> wasmtime::Result<()> {
        self.table.delete(bucket)?;
        Ok(())
    }
}

impl wit::Host for KeyValueView<'_> {
    fn convert_error(&mut self, error: KeyValueError) -> wasmtime::Result<wit::Error> {
        let error = match error.into_fault() {
            Ok(Fault::Trap(error)) => return Err(error),
            Ok(Fault::TryAgain(sentence)) => {
                return Ok(wit::Error::Unavailable(sentence.to_owned()));
            }
            Err(answer) => answer,
        };
        let sentence = error.to_string();
        Ok(match error {
            KeyValueError::NoSuchStore => wit::Error::NoSuchStore,
            KeyValueError::AccessDenied => wit::Error::AccessDenied,
            KeyValueError::Key(_) => wit::Error::InvalidKey(sentence),
            KeyValueError::ValueTooLarge { .. } | KeyValueError::MetadataTooLarge { .. } => {
                wit::Error::TooLarge(sentence)
            }
            KeyValueError::TimeToLive { .. } | KeyValueError::Cursor | KeyValueError::Limit => {
                wit::Error::InvalidArgument(sentence)
            }
            _ => wit::Error::Unavailable(sentence),
        })
    }
}
