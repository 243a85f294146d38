//! `wasi:keyvalue` for guests, over the same stores, grants and bounds as `selvedge:keyvalue`:
//! what one interface sets, the other reads.

use super::keyvalue::{Bucket, Fault, HasKeyValue, KeyValueError, KeyValueView, Query, SetOptions};
use wasmtime::component::{Linker, Resource};

use self::bindings::wasi::keyvalue::{atomics, batch, store};

mod bindings {
    wasmtime::component::bindgen!({
        path: "../wit",
        inline: "
            package selvedge:host-wasi-keyvalue;
            world imports {
                import wasi:keyvalue/store@0.2.0-draft;
                import wasi:keyvalue/atomics@0.2.0-draft;
                import wasi:keyvalue/batch@0.2.0-draft;
            }
        ",
        world: "selvedge:host-wasi-keyvalue/imports",
        imports: {
            "wasi:keyvalue/store.open": trappable,
            "wasi:keyvalue/store.[method]bucket.exists": trappable,
            "wasi:keyvalue/store.[drop]bucket": trappable,
            default: async | trappable,
        },
        with: { "wasi:keyvalue/store.bucket": crate::capability::keyvalue::Bucket },
        trappable_error_type: { "wasi:keyvalue/store.error" => super::KeyValueError },
    });
}

/// Links the three interfaces of `wasi:keyvalue`; `view` finds an instance's view.
///
/// # Errors
/// Where one is linked already.
pub(crate) fn add_to_linker<T: Send + 'static>(
    linker: &mut Linker<T>,
    view: fn(&mut T) -> KeyValueView<'_>,
) -> wasmtime::Result<()> {
    store::add_to_linker::<T, HasKeyValue>(linker, view)?;
    atomics::add_to_linker::<T, HasKeyValue>(linker, view)?;
    batch::add_to_linker::<T, HasKeyValue>(linker, view)
}

impl store::Host for KeyValueView<'_> {
    fn open(&mut self, identifier: String) -> Result<Resource<Bucket>, KeyValueError> {
        KeyValueView::open(self, &identifier)
    }

    fn convert_error(&mut self, error: KeyValueError) -> wasmtime::Result<store::Error> {
        Ok(match error.into_fault() {
            Ok(Fault::Trap(error)) => return Err(error),
            Ok(Fault::TryAgain(sentence)) => store::Error::Other(sentence.to_owned()),
            Err(KeyValueError::NoSuchStore) => store::Error::NoSuchStore,
            Err(KeyValueError::AccessDenied) => store::Error::AccessDenied,
            Err(answer) => store::Error::Other(answer.to_string()),
        })
    }
}

impl store::HostBucket for KeyValueView<'_> {
    async fn get(
        &mut self,
        bucket: Resource<Bucket>,
        key: String,
    ) -> Result<Option<Vec<u8>>, KeyValueError> {
        let store = self.store(&bucket)?;
        Ok(self.stores.get(&store, &key).await?.map(|entry| entry.value))
    }

    async fn set(
        &mut self,
        bucket: Resource<Bucket>,
        key: String,
        value: Vec<u8>,
    ) -> Result<(), KeyValueError> {
        let store = self.store(&bucket)?;
        self.stores.set(&store, &key, &value, SetOptions::default()).await
    }

    async fn delete(&mut self, bucket: Resource<Bucket>, key: String) -> Result<(), KeyValueError> {
        let store = self.store(&bucket)?;
        self.stores.delete(&store, &[&key]).await
    }

    fn exists(&mut self, bucket: Resource<Bucket>, key: String) -> Result<bool, KeyValueError> {
        let store = self.store(&bucket)?;
        self.stores.exists(&store, &key)
    }

    async fn list_keys(
        &mut self,
        bucket: Resource<Bucket>,
        cursor: Option<u64>,
    ) -> Result<store::KeyResponse, KeyValueError> {
        let store = self.store(&bucket)?;
        let positions = &self.stores.positions;
        let cursor = match cursor {
            None => None,
            Some(number) => {
                Some(positions.recall(&store, number).ok_or(KeyValueError::ForgottenCursor)?)
            }
        };
        let page = self.stores.list(&store, Query { cursor, ..Query::default() }).await?;
        Ok(store::KeyResponse {
            keys: page.keys.into_iter().map(|key| key.name).collect(),
            cursor: page.cursor.map(|cursor| positions.remember(&store, cursor)),
        })
    }

    fn drop(&mut self, bucket: Resource<Bucket>) -> wasmtime::Result<()> {
        self.table.delete(bucket)?;
        Ok(())
    }
}

impl atomics::Host for KeyValueView<'_> {
    async fn increment(
        &mut self,
        bucket: Resource<Bucket>,
        key: String,
        delta: u64,
    ) -> Result<u64, KeyValueError> {
        let store = self.store(&bucket)?;
        self.stores.increment(&store, &key, delta).await
    }
}

impl batch::Host for KeyValueView<'_> {
    async fn get_many(
        &mut self,
        bucket: Resource<Bucket>,
        keys: Vec<String>,
    ) -> Result<Vec<Option<(String, Vec<u8>)>>, KeyValueError> {
        let store = self.store(&bucket)?;
        let mut found = Vec::new();
        for key in keys {
            let entry = self.stores.get(&store, &key).await?;
            found.push(entry.map(|entry| (key, entry.value)));
        }
        Ok(found)
    }

    async fn set_many(
        &mut self,
        bucket: Resource<Bucket>,
        pairs: Vec<(String, Vec<u8>)>,
    ) -> Result<(), KeyValueError> {
        let store = self.store(&bucket)?;
        let pairs: Vec<_> =
            pairs.iter().map(|(key, value)| (key.as_str(), value.as_slice())).collect();
        self.stores.set_many(&store, &pairs, SetOptions::default()).await
    }

    async fn delete_many(
        &mut self,
        bucket: Resource<Bucket>,
        keys: Vec<String>,
    ) -> Result<(), KeyValueError> {
        let store = self.store(&bucket)?;
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        self.stores.delete(&store, &keys).await
    }
}

#[cfg(test)]
mod tests;
